"use strict";
/* Small pictures, and numbers and words as the page writes them. */

const Paint = (() => {
  const BLACK = [0, 0, 0];
  const MISSING = [255, 159, 28];
  const EXTRA = [63, 167, 255];

  /* Paint 784 values on a canvas of 28 x 28; `colour` gives 3 bytes for a value. */
  function paint(canvas, values, colour) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(Ink.SIDE, Ink.SIDE);
    for (let i = 0; i < Ink.PIXELS; i++) {
      image.data.set(values ? colour(values[i]) : BLACK, 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  const shade = (value) => [255 * value, 255 * value, 255 * value];
  const tint = (value) => (value > 0 ? EXTRA : MISSING).map((channel) => channel * Math.abs(value));

  return {
    grey: (canvas, pixels) => paint(canvas, pixels, shade),
    difference: (canvas, values) => paint(canvas, values, tint),

    /* One colour a digit, told apart on black by most people. */
    DIGITS: [
      "#8dd3ff", "#ffd23f", "#ff7a70", "#7be08a", "#c9a0ff",
      "#ffa94d", "#52d6c8", "#ff9ad5", "#c3d94e", "#c9ced6",
    ],
  };
})();

const Words = {
  capitalised: (word) => (word ? word[0].toUpperCase() + word.slice(1).replaceAll("_", " ") : word),
  percent: (share) => `${(100 * share).toFixed(1)} %`,
  /* A minus sign, and no minus zero. */
  decimal: (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "\u2212"),
  titleOf: (entry) => `${Words.capitalised(entry.variant)}, seed ${entry.seed}`,
};

/* An element with properties, classes and children, made in one line. */
function make(tag, properties = {}, ...children) {
  const { dataset = {}, ...others } = properties;
  const element = Object.assign(document.createElement(tag), others);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/* Write an attribute only where it changes, for every write wakes assistive technology. */
function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
