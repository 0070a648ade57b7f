"use strict";
/* A trained model: what it makes of an image, what it draws, and how far to trust its reading. */

class Model {
  /* Load a model by its name in the index. */
  static async load(name) {
    const description = await Data.load(name);
    return new Model(name, description, await Data.inflate(description.bytes));
  }

  constructor(name, description, bytes) {
    Object.assign(this, description, { name, bytes: null });
    this.title = Words.capitalised(this.variant);
    this.network = Network.read(description, bytes);
  }

  encode(pixels) {
    return Network.encode(this.network, pixels);
  }

  activate(means) {
    return Network.activate(this.network, means);
  }

  decode(latents) {
    return Network.decode(this.network, latents);
  }

  /* What the model takes an image for. `strange` says why it is unlike any training image. */
  read(pixels, means = this.encode(pixels)) {
    const order = Array.from(means.keys()).sort((a, b) => means[b] - means[a]);
    const [largest, second] = order;
    const margin = means[largest] - means[second];
    return {
      largest,
      second,
      digit: this.assignment[largest],
      runnerUp: this.assignment[second],
      margin,
      close: margin < this.doubt.close_margin,
      strange: this.strangeness(pixels, means),
    };
  }

  strangeness(pixels, means) {
    const { low_ink, high_ink, high_error, high_error_share } = this.doubt;
    const ink = pixels.reduce((sum, each) => sum + each, 0);
    if (ink < low_ink) return "there is less ink than in any of them";
    if (ink > high_ink) return "there is more ink than in any of them";
    const error = Model.squaredError(this.decode(this.activate(means)), pixels);
    const square = pixels.reduce((sum, each) => sum + each * each, 0);
    if (error > high_error || error > high_error_share * square) return "it cannot be drawn from ten numbers";
    return null;
  }

  static squaredError(drawn, pixels) {
    return drawn.reduce((sum, each, i) => sum + (each - pixels[i]) ** 2, 0);
  }

  static inWords(reading) {
    if (reading.strange) return `${reading.digit}, but unlike any training image`;
    return reading.close ? `${reading.digit}, closely ${reading.runnerUp}` : `${reading.digit}`;
  }
}
