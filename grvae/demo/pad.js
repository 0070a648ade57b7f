"use strict";
/* A canvas to draw on, with pointer or keyboard, that shows a test image until it is drawn on. */

Demo.Pad = class Pad {
  /* Points lie on a grid this fine, so that a link can carry them exactly as they were drawn. */
  static GRID = 511;
  static HISTORY = 200;

  /* `onChange(pad)` is called at most once a frame while drawing, `onEnd(pad)` when a stroke, or
     whatever else changed the drawing, is done. Without a pointer: arrow keys move a cursor, Space
     or Enter puts the pen down and lifts it, Backspace takes back a stroke, Delete clears. */
  constructor(canvas, { onChange, onEnd }) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.onEnd = onEnd;
    this.strokes = [];
    this.image = null;
    this.background = null;
    this.history = [];
    this.cursor = null;
    this.penDown = false;
    this.frame = 0;
    this.pointers = new Demo.Pointers(canvas, {
      begin: (event) => this.beginByHand(event),
      extend: (events) => this.extend(events.map((each) => this.pointOf(each))),
      end: () => this.end(),
      drop: () => this.undo(),
    });
    canvas.addEventListener("keydown", (event) => this.keyDown(event));
    canvas.addEventListener("blur", () => this.leave());
    this.paint();
  }

  get empty() {
    return this.strokes.length === 0 && this.image === null;
  }

  /* Show a test image instead of strokes; the first new stroke removes it. */
  showImage(image, background) {
    if (this.strokes.length) this.remember();
    this.lift();
    Object.assign(this, { strokes: [], image, background });
    this.paint();
  }

  /* Show strokes that were not drawn here. */
  showStrokes(strokes) {
    this.remember();
    this.lift();
    Object.assign(this, { strokes, image: null, background: null });
    this.end();
  }

  clear() {
    if (this.empty) return;
    this.remember();
    this.lift();
    Object.assign(this, { strokes: [], image: null, background: null });
    this.end();
  }

  /* Back to what was shown before the last stroke, clearing or test image; a stroke under way is gone. */
  undo() {
    const before = this.history.pop();
    if (!before) return;
    this.lift();
    Object.assign(this, before);
    this.end();
  }

  remember() {
    const { strokes, image, background } = this;
    this.history.push({ strokes: strokes.slice(), image, background });
    if (this.history.length > Pad.HISTORY) this.history.shift();
  }

  /* Whoever was drawing no longer is. */
  lift() {
    this.penDown = false;
    this.pointers.drawing = null;
  }

  beginByHand(event) {
    if (this.penDown) this.end();
    this.cursor = null;
    this.penDown = false;
    this.begin(this.pointOf(event));
  }

  begin(point) {
    this.remember();
    Object.assign(this, { image: null, background: null });
    this.strokes = [...this.strokes, [point]];
    this.changed();
  }

  extend(points) {
    const stroke = this.strokes[this.strokes.length - 1];
    for (const point of points) {
      const last = stroke[stroke.length - 1];
      if (Math.hypot(point.x - last.x, point.y - last.y) * Pad.GRID >= 1.5) stroke.push(point);
    }
    this.changed();
  }

  changed() {
    this.frame = this.frame || requestAnimationFrame(() => this.update());
  }

  update() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.paint();
    this.onChange(this);
  }

  end() {
    this.update();
    this.onEnd(this);
  }

  static at(x, y) {
    const onGrid = (value) => Math.round(Math.min(1, Math.max(0, value)) * Pad.GRID) / Pad.GRID;
    return { x: onGrid(x), y: onGrid(y) };
  }

  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return Pad.at((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const from = this.cursor || { x: 0.5, y: 0.5 };
      const [dx, dy] = moves[event.key].map((sign) => sign / Demo.Images.side);
      this.cursor = Pad.at(from.x + dx, from.y + dy);
      if (this.penDown) this.extend([this.cursor]);
      else this.paint();
    } else if (event.key === " " || event.key === "Enter") {
      this.pressPen();
    } else if (event.key === "Backspace") {
      this.undo();
    } else if (event.key === "Delete") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
  }

  /* The first press only shows where the pen is: who has just drawn by hand wants no dot. */
  pressPen() {
    if (this.pointers.drawing) return;
    if (!this.cursor) {
      this.cursor = Pad.at(0.5, 0.5);
      this.paint();
      return;
    }
    this.penDown = !this.penDown;
    if (this.penDown) this.begin(this.cursor);
    else this.end();
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
      for (const { x, y } of stroke) context.lineTo(x * size, y * size);
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
};
