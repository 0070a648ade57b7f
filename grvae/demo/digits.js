"use strict";
/* The test digits, and what a model makes of all of them. */

Demo.Digits = (() => {
  let loaded = null;

  async function load() {
    loaded = loaded || open();
    try {
      return await loaded;
    } catch (error) {
      loaded = null; // so that it can be tried again
      throw error;
    }
  }

  async function open() {
    const { pixels, labels, numbers } = await Demo.Data.load("digits");
    const bytes = await Demo.Data.inflate(pixels);
    const size = Demo.Ink.PIXELS;
    return {
      labels,
      numbers,
      all: labels.map((_, position) => position),
      pixels: (position) => Float32Array.from(bytes.subarray(position * size, (position + 1) * size), (byte) => byte / 255),
    };
  }

  return { load };
})();

/* A few digits at a time, so that the page stays quick. */
Demo.Encodings = (() => {
  const PART = 40;
  const known = new Map();

  /* The `means` of all test digits, and which of them are `misclassified`. */
  function of(model) {
    if (!known.has(model.name)) known.set(model.name, compute(model));
    return known.get(model.name);
  }

  async function compute(model) {
    const digits = await Demo.Digits.load();
    const means = [];
    for (const position of digits.all) {
      means.push(model.encode(digits.pixels(position)));
      if (position % PART === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    const digitOf = (each) => model.assignment[each.indexOf(Math.max(...each))];
    const misclassified = digits.all.filter((position) => digitOf(means[position]) !== digits.labels[position]);
    return { means, misclassified };
  }

  return { of };
})();
