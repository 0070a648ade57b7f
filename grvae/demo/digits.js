"use strict";
/* The test digits. */

const Digits = {
  async load() {
    if (!Digits.loaded) Digits.loaded = Digits.open();
    try {
      return await Digits.loaded;
    } catch (error) {
      Digits.loaded = null; // so that it can be tried again
      throw error;
    }
  },

  async open() {
    const { pixels, labels, numbers } = await Data.load("digits");
    const bytes = await Data.inflate(pixels);
    const part = (position) => bytes.subarray(position * Ink.PIXELS, (position + 1) * Ink.PIXELS);
    return {
      labels,
      numbers,
      all: labels.map((_, position) => position),
      pixels: (position) => Float32Array.from(part(position), (byte) => byte / 255),
    };
  },
};

/* What a model makes of all test digits, a few at a time so that the page stays quick. */
class Encodings {
  static PART = 40;
  static known = new Map();

  static of(model) {
    if (!Encodings.known.has(model.name)) Encodings.known.set(model.name, Encodings.compute(model));
    return Encodings.known.get(model.name);
  }

  static async compute(model) {
    const digits = await Digits.load();
    const means = [];
    for (const position of digits.all) {
      means.push(model.encode(digits.pixels(position)));
      if (position % Encodings.PART === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    const readings = means.map((each) => model.assignment[each.indexOf(Math.max(...each))]);
    const misread = digits.all.filter((position) => readings[position] !== digits.labels[position]);
    return { means, misread };
  }
}
