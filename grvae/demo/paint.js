"use strict";
/* Small pictures. */

Demo.Paint = (() => {
  const { classes, colours, side } = Demo.Images;
  const BLACK = [0, 0, 0];
  const MISSING = [255, 159, 28];
  const EXTRA = [63, 167, 255];
  const FEW = ["#8dd3ff", "#ffd23f", "#ff7a70", "#7be08a", "#c9a0ff", "#ffa94d", "#52d6c8", "#ff9ad5", "#c3d94e", "#c9ced6"];

  /* Paint a flat image; `colourAt` gives 3 bytes for the place of a pixel. */
  function paint(canvas, values, colourAt, size = side) {
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const context = canvas.getContext("2d");
    const image = context.createImageData(size, size);
    for (let i = 0; i < size ** 2; i++) {
      image.data.set(values ? colourAt(i) : BLACK, 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  /* Where red, green and blue begin; of grey images all three are the same. */
  const PLANES = [0, 1, 2].map((channel) => (colours === 1 ? 0 : channel * side ** 2));
  const channels = (values, i) => PLANES.map((start) => values[start + i]);
  const tint = (value) => (value > 0 ? EXTRA : MISSING).map((channel) => channel * Math.abs(value));
  const larger = (one, two) => (Math.abs(two) > Math.abs(one) ? two : one);

  const image = (canvas, pixels) => paint(canvas, pixels, (i) => channels(pixels, i).map((value) => 255 * value));

  /* The address of a picture, for a drawing; of a grey one, if it has a side of its own. */
  function address(pixels, greySide) {
    const canvas = document.createElement("canvas");
    if (greySide) paint(canvas, pixels, (i) => Array(3).fill(255 * pixels[i]), greySide);
    else image(canvas, pixels);
    return canvas.toDataURL();
  }

  return {
    image,
    address,

    /* Of several channels, the one that differs most counts. */
    difference: (canvas, values) => paint(canvas, values, (i) => tint(channels(values, i).reduce(larger))),

    /* A class's colour on black: of a few, told apart by most people. */
    ofClass: (label) => (classes.length > FEW.length ? `hsl(${(360 * label) / classes.length} 80% 72%)` : FEW[label]),
  };
})();
