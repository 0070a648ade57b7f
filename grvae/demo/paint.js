"use strict";
/* Small pictures. */

Demo.Paint = (() => {
  const { Ink } = Demo;
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
