"use strict";
/* The test images, and what a model makes of all of them. */

Demo.TestImages = (() => {
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
    const { pixels, labels, numbers } = await Demo.Data.load("test_images");
    const bytes = await Demo.Data.inflate(pixels);
    const size = Demo.Images.size;
    return {
      labels,
      numbers,
      /* One of them, in words. */
      nameOf: (at) => `Test ${Demo.Images.words.thing} ${numbers[at]}, ${Demo.Images.labelled(labels[at])}`,
      all: labels.map((_, position) => position),
      pixels: (position) => Float32Array.from(bytes.subarray(position * size, (position + 1) * size), (byte) => byte / 255),
    };
  }

  return { load };
})();

/* A few images at a time, so that the page stays quick. */
Demo.Encodings = (() => {
  const PART = 40;
  const known = new Map();

  /* The `means` of all test images, and which of them are `misclassified`. */
  function of(model) {
    if (!known.has(model.name)) known.set(model.name, compute(model));
    return known.get(model.name);
  }

  async function compute(model) {
    const images = await Demo.TestImages.load();
    const means = [];
    for (const position of images.all) {
      means.push(model.encode(images.pixels(position)));
      if (position % PART === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    const labelOf = (each) => model.assignment[each.indexOf(Math.max(...each))];
    const misclassified = images.all.filter((position) => labelOf(means[position]) !== images.labels[position]);
    return { means, misclassified };
  }

  return { of };
})();
