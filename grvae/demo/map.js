"use strict";
/* A map of encodings: every test image where one model puts it, in two latents or two
   principal components. A click, or Enter, loads the image. */

Demo.EncodingMap = class EncodingMap {
  static SIZE = 720;
  static EDGE = 24;
  static LETTERS = 3; // of a class's name; pointed at, an image says all of it

  /* `onPick(position)` for a test image. */
  constructor(element, onPick) {
    this.element = element;
    this.onPick = onPick;
    this.canvas = element.querySelector("canvas");
    this.note = element.querySelector(".map-note");
    const [menu, across, up] = element.querySelectorAll("select");
    this.menu = menu;
    this.across = across;
    this.up = up;
    for (const axis of [this.across, this.up]) axis.addEventListener("change", () => this.place());
    const { thing, things } = Demo.Images.words;
    this.canvas.setAttribute("aria-label", `Map of test ${things}. Arrow keys go from ${thing} to ${thing}, Enter loads one.`);
    this.menu.addEventListener("change", () => this.show(this.models[this.menu.value]));
    this.canvas.addEventListener("click", (event) => this.pick(this.nearest(this.pointOf(event))));
    this.canvas.addEventListener("pointermove", (event) => this.hover(this.nearest(this.pointOf(event))));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("keydown", (event) => this.keyDown(event));
    this.models = [];
    this.points = [];
    this.current = this.hovered = null;
  }

  setModels(models) {
    this.models = models;
    this.menu.replaceChildren(...models.map((model, i) => Demo.make("option", { value: i }, Demo.Words.titleOf(model))));
    const kept = Math.max(0, models.indexOf(this.model));
    this.menu.value = kept;
    this.show(models[kept]);
  }

  nameAxes(model) {
    for (const [axis, which] of [[this.across, "1st"], [this.up, "2nd"]]) {
      const { value } = axis;
      axis.replaceChildren(Demo.make("option", { value: "component" }, `${which} principal component`),
        ...Demo.Images.classes.map((_, i) => Demo.make("option", { value: i }, `Latent ${model.nameOf(i)}`)));
      axis.value = value || "component";
    }
  }

  /* Compute only once it is in sight. */
  start() {
    this.started = true;
    if (this.model) this.show(this.model);
  }

  async show(model) {
    this.model = model;
    if (model) this.nameAxes(model);
    if (!this.started || !model) return;
    this.note.textContent = `Encoding the test ${Demo.Images.words.things}\u2026`;
    const [{ means }, images] = await Promise.all([Demo.Encodings.of(model), Demo.TestImages.load()]);
    if (this.model !== model) return;
    this.means = means;
    this.images = images;
    this.note.textContent = `${means.length} test ${Demo.Images.words.things}. Choose one.`;
    this.place();
  }

  place() {
    if (!this.means) return;
    const components = Demo.principalComponents(this.means);
    const along = (axis, which) =>
      axis.value === "component"
        ? (mean) => mean.reduce((sum, each, i) => sum + each * components[which][i], 0)
        : (mean) => mean[Number(axis.value)];
    const [xs, ys] = [along(this.across, 0), along(this.up, 1)].map((of) => EncodingMap.onto(this.means.map(of)));
    this.points = xs.map((x, i) => ({ x, y: EncodingMap.SIZE - ys[i] }));
    this.paint();
  }

  setCurrent(position) {
    this.current = position;
    this.paint();
  }

  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = EncodingMap.SIZE / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  nearest(to) {
    const away = this.points.map((point) => Math.hypot(point.x - to.x, point.y - to.y));
    return away.length ? away.indexOf(Math.min(...away)) : null;
  }

  hover(position) {
    if (position === this.hovered) return;
    this.hovered = position;
    if (position !== null) this.note.textContent = this.images.nameOf(position);
    this.paint();
  }

  pick(position) {
    if (position !== null) this.onPick(position);
  }

  /* An arrow key goes to the nearest image on that side. */
  keyDown(event) {
    const sides = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Enter" || event.key === " ") this.pick(this.hovered);
    else if (event.key in sides && this.points.length) {
      const from = this.points[this.hovered ?? this.current ?? 0];
      const [right, down] = sides[event.key];
      const away = this.points.map(({ x, y }) => {
        const [dx, dy] = [x - from.x, y - from.y];
        const ahead = dx * right + dy * down;
        const aside = Math.abs(dx * down) + Math.abs(dy * right);
        return ahead > 1 && ahead >= aside ? ahead + 2 * aside : Infinity;
      });
      const best = Math.min(...away);
      if (best < Infinity) this.hover(away.indexOf(best));
    } else return;
    event.preventDefault();
  }

  paint() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, EncodingMap.SIZE, EncodingMap.SIZE);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = "600 15px system-ui, sans-serif";
    this.points.forEach(({ x, y }, position) => {
      const label = this.images.labels[position];
      context.fillStyle = Demo.Paint.ofClass(label);
      context.fillText([...Demo.Images.classes[label]].slice(0, EncodingMap.LETTERS).join(""), x, y);
    });
    this.ring(this.current, "#fff");
    this.ring(this.hovered, "#ffd23f");
  }

  ring(position, colour) {
    if (position === null || !this.points[position]) return;
    const context = this.canvas.getContext("2d");
    const { x, y } = this.points[position];
    context.strokeStyle = colour;
    context.lineWidth = 3;
    context.beginPath();
    context.arc(x, y, 14, 0, 2 * Math.PI);
    context.stroke();
  }

  /* Values scaled to the map, its edges left free. */
  static onto(values) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = EncodingMap.SIZE - 2 * EncodingMap.EDGE;
    return values.map((value) => EncodingMap.EDGE + (room * (value - low)) / (high - low || 1));
  }
};
