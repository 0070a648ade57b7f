"use strict";
/* From strokes to an image like MNIST's, of the set's own side; tests/browser/ink.py is the same in
   Python, and a test compares the two.

   MNIST's digits were fitted into 20 x 20 pixels, keeping their proportions, and then moved by
   whole pixels until their centre of mass was at pixel (14, 14) of 28 x 28 (LeCun et al. 1998); the
   same in proportion for other sides.
   Strokes are scaled as geometry and inked with a pen of one width, so that a small drawing does
   not come out bold. */

Demo.Ink = (() => {
  const SIDE = Demo.Images.side;
  const BOX = Math.round((SIDE * 20) / 28);
  const CENTRE = SIDE / 2;
  const PEN = (2.4 * SIDE) / 28; // pixels wide; about what MNIST's strokes have
  const SMALLEST = 0.08; // of the pad; a smaller drawing is a dot and is not enlarged to fill the box
  const TIE = 0.1; // pixels: a symmetric drawing lies half way, and the pad's grid must not decide

  /* Strokes are lists of points {x, y} in [0, 1], y down. Returns the flat image, or null for none. */
  function toImage(strokes) {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const stroke of strokes) {
      for (const { x, y } of stroke) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
    if (left > right) return null;
    const scale = (BOX - PEN) / Math.max(right - left, bottom - top, SMALLEST);
    const place = ({ x, y }) => ({
      x: SIDE / 2 + (x - (left + right) / 2) * scale,
      y: SIDE / 2 + (y - (top + bottom) / 2) * scale,
    });
    return centre(ink(strokes.map((stroke) => stroke.map(place))));
  }

  /* A pixel is as bright as the pen covers it: fully inside, by distance across the pen's edge. */
  function ink(strokes) {
    const image = new Float32Array(SIDE * SIDE);
    const reach = PEN / 2 + 0.5;
    const first = (edge) => Math.max(0, Math.floor(edge - reach));
    const last = (edge) => Math.min(SIDE - 1, Math.ceil(edge + reach));
    for (const stroke of strokes) {
      stroke.forEach((end, i) => {
        const start = stroke[Math.max(0, i - 1)];
        const [top, bottom] = [first(Math.min(start.y, end.y)), last(Math.max(start.y, end.y))];
        const [left, right] = [first(Math.min(start.x, end.x)), last(Math.max(start.x, end.x))];
        for (let row = top; row <= bottom; row++) {
          for (let column = left; column <= right; column++) {
            const distance = distanceToSegment(column + 0.5, row + 0.5, start, end);
            const covered = Math.min(1, Math.max(0, reach - distance));
            const at = row * SIDE + column;
            image[at] = Math.max(image[at], covered);
          }
        }
      });
    }
    return image;
  }

  function distanceToSegment(x, y, start, end) {
    const [dx, dy] = [end.x - start.x, end.y - start.y];
    const length2 = dx * dx + dy * dy;
    const along = length2 && ((x - start.x) * dx + (y - start.y) * dy) / length2;
    const part = Math.min(1, Math.max(0, along));
    return Math.hypot(x - start.x - part * dx, y - start.y - part * dy);
  }

  function centre(image) {
    let [mass, x, y] = [0, 0, 0];
    image.forEach((value, at) => {
      mass += value;
      x += value * (at % SIDE);
      y += value * Math.floor(at / SIDE);
    });
    const right = Math.floor(CENTRE - x / mass + 0.5 + TIE);
    const down = Math.floor(CENTRE - y / mass + 0.5 + TIE);
    return image.map((_, at) => {
      const [column, row] = [(at % SIDE) - right, Math.floor(at / SIDE) - down];
      const inside = column >= 0 && column < SIDE && row >= 0 && row < SIDE;
      return inside ? image[row * SIDE + column] : 0;
    });
  }

  return { toImage, distanceToSegment };
})();
