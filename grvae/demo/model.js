"use strict";
/* A trained model: what it makes of an image, what it decodes, and how far to trust its class. */

Demo.Model = class Model {
  static loaded = new Map();

  // Some of what its description in the bundle says; see `describe_run` in grvae/use/demo_bundle.py.
  variant = "";
  assignment = [];
  labelled = false;
  /** @type {any} */
  limits = null;

  /* Load a model by its name in the index, once. */
  static load(name) {
    if (!Model.loaded.has(name)) {
      const model = Model.open(name);
      Model.loaded.set(name, model);
      model.catch(() => Model.loaded.delete(name)); // so that it can be tried again
    }
    return Model.loaded.get(name);
  }

  static async open(name) {
    const description = await Demo.Data.load(name);
    return new Model(name, description, await Demo.Data.inflate(description.bytes));
  }

  constructor(name, description, bytes) {
    Object.assign(this, description, { name, bytes: null });
    this.title = Demo.Words.capitalised(this.variant);
    this.network = Demo.Network.read(description, bytes);
  }

  /* What a latent is called: after its class, where it was trained to be that class's own. */
  nameOf(latent) {
    return this.labelled ? this.classOf(latent) : String(latent);
  }

  /* The class that a latent stands for. */
  classOf(latent) {
    return Demo.Images.classes[this.assignment[latent]];
  }

  encode(pixels) {
    return Demo.Network.encode(this.network, pixels);
  }

  activate(means) {
    return Demo.Network.activate(this.network, means);
  }

  decode(latents) {
    return Demo.Network.decode(this.network, latents);
  }

  /* The label of the largest mean's class, by how much it leads, and whether to trust it:
     `outOfDistribution` says why the image is unlike the training images, if it is. */
  classify(pixels, means = this.encode(pixels)) {
    const [largest, second] = Array.from(means.keys()).sort((a, b) => means[b] - means[a]);
    const margin = means[largest] - means[second];
    return {
      largest,
      second,
      label: this.assignment[largest],
      runnerUp: this.assignment[second],
      margin,
      lowMargin: margin < this.limits.low_margin,
      outOfDistribution: this.outOfDistribution(pixels, means),
    };
  }

  outOfDistribution(pixels, means) {
    const ink = pixels.reduce((sum, each) => sum + each, 0);
    const error = Model.squaredError(this.decode(this.activate(means)), pixels);
    const square = pixels.reduce((sum, each) => sum + each * each, 0);
    return Model.outOfDistribution(ink, error, square, this.limits);
  }

  /* The rule of grvae/measure/out_of_distribution.py, and a test asks both the same. */
  static outOfDistribution(ink, error, square, limits) {
    if (ink < limits.low_ink) return "less ink";
    if (ink > limits.high_ink) return "more ink";
    if (error > limits.high_error || error > limits.high_error_share * square) return "large reconstruction error";
    return null;
  }

  static squaredError(decoded, pixels) {
    return decoded.reduce((sum, each, i) => sum + (each - pixels[i]) ** 2, 0);
  }
};
