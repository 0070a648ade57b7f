"use strict";
/* A drawing pad, and the way from strokes to an image like MNIST's.

   MNIST's digits were fitted into 20 x 20 pixels, keeping their proportions, and then moved by
   whole pixels until their centre of mass was at pixel (14, 14) of 28 x 28 (LeCun et al.; measured
   on all 70,000 images). Strokes are scaled as geometry and inked with a pen of one width, so that
   a small drawing does not come out bold. */

const Drawing = (() => {
  const SIDE = 28;
  const BOX = 20;
  const CENTRE = 14;
  const PEN = 2.4; // width in pixels of 28 x 28; about what MNIST's strokes have
  const SMALLEST = 0.08; // of the pad; a smaller drawing is a dot and is not enlarged to fill the box

  /* Strokes are lists of points {x, y} in [0, 1], y down. Returns 784 pixels or null for none. */
  function toImage(strokes) {
    const points = strokes.flat();
    if (points.length === 0) return null;
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
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
    const right = Math.round(CENTRE - x / mass);
    const down = Math.round(CENTRE - y / mass);
    return image.map((_, at) => {
      const [column, row] = [(at % SIDE) - right, Math.floor(at / SIDE) - down];
      const inside = column >= 0 && column < SIDE && row >= 0 && row < SIDE;
      return inside ? image[row * SIDE + column] : 0;
    });
  }

  /* Let a canvas be drawn on. `onChange(strokes)` is called at most once a frame while drawing,
     `onEnd()` when a stroke is done. Without a pointer: arrow keys move a cursor, Space or Enter
     puts the pen down and lifts it, Backspace takes back a stroke, Delete clears. */
  class Pad {
    constructor(canvas, { onChange, onEnd }) {
      this.canvas = canvas;
      this.onChange = onChange;
      this.onEnd = onEnd;
      this.strokes = [];
      this.background = null;
      this.cursor = null;
      this.penDown = false;
      this.pointer = null;
      this.frame = 0;
      canvas.addEventListener("pointerdown", (event) => this.pointerDown(event));
      canvas.addEventListener("pointermove", (event) => this.pointerMove(event));
      canvas.addEventListener("pointerup", (event) => this.pointerUp(event));
      canvas.addEventListener("pointercancel", (event) => this.pointerUp(event));
      canvas.addEventListener("keydown", (event) => this.keyDown(event));
      canvas.addEventListener("blur", () => this.leave());
      this.paint();
    }

    /* Show a canvas with an image instead of strokes; the first new stroke removes it. */
    show(background) {
      this.strokes = [];
      this.penDown = false;
      this.pointer = null;
      this.background = background;
      this.paint();
    }

    clear() {
      this.show(null);
      this.end();
    }

    undo() {
      this.strokes.pop();
      this.penDown = false;
      this.end();
    }

    begin(point) {
      this.background = null;
      this.strokes.push([point]);
      this.changed();
    }

    extend(points) {
      this.strokes[this.strokes.length - 1].push(...points);
      this.changed();
    }

    changed() {
      this.frame = this.frame || requestAnimationFrame(() => this.update());
    }

    update() {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.paint();
      if (!this.background) this.onChange(this.strokes);
    }

    end() {
      this.update();
      this.onEnd();
    }

    pointOf(event) {
      const box = this.canvas.getBoundingClientRect();
      const within = (value) => Math.min(1, Math.max(0, value));
      return {
        x: within((event.clientX - box.left) / box.width),
        y: within((event.clientY - box.top) / box.height),
      };
    }

    pointerDown(event) {
      if (event.button !== 0 || this.pointer !== null) return;
      this.pointer = event.pointerId;
      this.canvas.setPointerCapture(event.pointerId);
      this.cursor = null;
      this.penDown = false;
      this.begin(this.pointOf(event));
    }

    pointerMove(event) {
      if (event.pointerId !== this.pointer) return;
      const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      this.extend((events.length ? events : [event]).map((each) => this.pointOf(each)));
    }

    pointerUp(event) {
      if (event.pointerId !== this.pointer) return;
      this.pointer = null;
      this.end();
    }

    keyDown(event) {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const step = 1 / SIDE;
      if (event.key in moves) {
        const from = this.cursor || { x: 0.5, y: 0.5 };
        const [dx, dy] = moves[event.key].map((sign) => sign * step);
        const within = (value) => Math.min(1, Math.max(0, value));
        this.cursor = { x: within(from.x + dx), y: within(from.y + dy) };
        if (this.penDown) this.extend([this.cursor]);
        else this.paint();
      } else if (event.key === " " || event.key === "Enter") {
        this.cursor = this.cursor || { x: 0.5, y: 0.5 };
        this.penDown = !this.penDown;
        if (this.penDown) this.begin(this.cursor);
        else this.end();
      } else if (event.key === "Backspace") {
        this.undo();
      } else if (event.key === "Delete") {
        this.clear();
      } else {
        return;
      }
      event.preventDefault();
    }

    leave() {
      const drawing = this.penDown;
      this.penDown = false;
      this.cursor = null;
      if (drawing) this.end();
      else this.paint();
    }

    paint() {
      const { canvas, strokes, cursor } = this;
      const context = canvas.getContext("2d");
      const size = canvas.width;
      context.fillStyle = "#000";
      context.fillRect(0, 0, size, size);
      if (this.background) {
        context.imageSmoothingEnabled = false;
        context.drawImage(this.background, 0, 0, size, size);
      }
      context.strokeStyle = "#fff";
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = size / 13;
      for (const stroke of strokes) {
        context.beginPath();
        stroke.forEach(({ x, y }) => context.lineTo(x * size, y * size));
        if (stroke.length === 1) context.lineTo(stroke[0].x * size, stroke[0].y * size);
        context.stroke();
      }
      if (cursor) {
        context.lineWidth = size / 140;
        context.strokeStyle = this.penDown ? "#ffb000" : "#7ab7ff";
        context.beginPath();
        context.arc(cursor.x * size, cursor.y * size, size / 22, 0, 2 * Math.PI);
        context.stroke();
      }
    }
  }

  return { SIDE, Pad, toImage };
})();
