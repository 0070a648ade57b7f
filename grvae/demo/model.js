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
    const ink = pixels.reduce((sum, each) => sum + each, 0);
    const error = Model.squaredError(this.decode(this.activate(means)), pixels);
    const square = pixels.reduce((sum, each) => sum + each * each, 0);
    return Model.strangeness(ink, error, square, this.doubt);
  }

  /* The rule of grvae/use/doubt.py, and a test asks both the same. */
  static strangeness(ink, error, square, limits) {
    if (ink < limits.low_ink) return "less ink";
    if (ink > limits.high_ink) return "more ink";
    if (error > limits.high_error || error > limits.high_error_share * square) return "drawn again, it differs";
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
