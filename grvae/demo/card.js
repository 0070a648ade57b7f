"use strict";
/* One model's card: the class it gives the input, its pictures, and a row for each latent. The card
   keeps the latents itself: a slider can show only what is in its range. */

Demo.Card = class Card {
  static SLIDER_STEPS = 400;

  /* `onSlide()` when a slider is moved by hand, `onChoose(card, name)` for another model,
     `onRemove(card)`, and `onSettle()` when the sliders are still again. */
  constructor(slot, handlers) {
    this.slot = slot;
    this.handlers = handlers;
    this.model = null;
    this.pixels = null;
    this.label = null;
    this.element = Demo.byId("model").content.cloneNode(true).firstElementChild;
    const title = this.find(".name");
    title.id = `name-${slot}`;
    this.element.setAttribute("aria-labelledby", title.id);
    const menu = this.find(".choose");
    menu.addEventListener("change", () => handlers.onChoose(this, menu.value));
    this.find(".remove").addEventListener("click", () => handlers.onRemove(this));
    this.find(".again").addEventListener("click", () => handlers.onChoose(this, menu.value));
    this.rows = Array.from({ length: Demo.Images.count }, (_, latent) => this.buildRow(latent));
    this.find(".latents").append(...this.rows.map((row) => row.element));
    this.intervention = new Demo.Intervention(this);
    this.showWaiting();
  }

  /** @returns {any} */
  find(selector) {
    return this.element.querySelector(selector);
  }

  buildRow(latent) {
    const id = `latent-${this.slot}-${latent}`;
    const label = Demo.make("label", { htmlFor: id }, Demo.make("span"), Demo.make("small"));
    const bar = Demo.make("div", { className: "bar" });
    const track = Demo.make("div", { className: "track" }, Demo.make("div", { className: "zero" }), bar);
    track.setAttribute("role", "img");
    const slider = Demo.make("input", { type: "range", id, min: 0, max: Card.SLIDER_STEPS, step: 1 });
    slider.autocomplete = "off";
    const mean = Demo.make("span", { className: "value mean", ariaHidden: "true" });
    const current = Demo.make("span", { className: "value current", ariaHidden: "true" });
    const lane = Demo.make("div", { className: "lane" }, track, slider);
    const element = Demo.make("div", { className: "latent" }, label, lane, mean, current);
    slider.addEventListener("input", () => {
      const [low, high] = this.model.sliders;
      this.handlers.onSlide();
      this.latents[latent] = low + ((high - low) * slider.valueAsNumber) / Card.SLIDER_STEPS;
      this.reconstructs = false;
      this.showLatents();
      this.describeRow(latent);
    });
    slider.addEventListener("change", () => this.settle());
    return { element, label, track, bar, slider, mean, current };
  }

  showWaiting() {
    this.element.dataset.state = "loading";
    this.find(".problem").hidden = true;
    this.find(".again").hidden = true;
    this.setDisabled(true);
  }

  showProblem(text) {
    this.element.dataset.state = "failed";
    this.find(".problem").hidden = false;
    this.find(".problem").textContent = text;
    this.find(".again").hidden = false;
  }

  setDisabled(disabled) {
    for (const control of this.element.querySelectorAll(".latent input, .intervene button, .intervene select")) {
      control.disabled = disabled;
    }
  }

  setModel(model) {
    this.model = model;
    this.latents = Float32Array.from(model.latents.rest);
    this.element.dataset.state = "ready";
    this.element.dataset.variant = model.variant;
    this.element.dataset.name = model.name;
    this.element.classList.toggle("fitted", !model.labelled);
    this.find(".name").textContent = model.title;
    this.find(".about").textContent = Demo.METHODS[model.method].about;
    this.setDisabled(false);
    const [low, high] = model.bars;
    const [from, to] = model.sliders.map((value) => (value - low) / (high - low));
    this.rows.forEach((row, latent) => {
      const [name, fits] = [model.nameOf(latent), model.labelled ? "" : `fits ${model.classOf(latent)}`];
      row.label.querySelector("span").textContent = name;
      row.label.querySelector("small").textContent = fits;
      row.label.title = Demo.Images.hasLongNames ? `${name} ${fits}` : "";
      row.name = fits ? `Latent ${name}, ${fits} best` : `${Demo.Words.capitalised(Demo.Images.words.noun)} ${name}`;
      row.element.style.setProperty("--zero", this.shareOfBars(0));
      row.element.style.setProperty("--from", from);
      row.element.style.setProperty("--to", to);
      Demo.setAttribute(row.slider, "aria-label", `${row.name}, ${model.title}`);
    });
    this.intervention.reset();
    this.setInput(this.pixels, this.label);
  }

  shareOfBars(value) {
    const [low, high] = this.model.bars;
    return Math.min(1, Math.max(0, (value - low) / (high - low)));
  }

  /* Encode an image, and move the sliders to the encoding; without pixels they stay. */
  setInput(pixels, label) {
    Object.assign(this, { pixels, label });
    if (!this.model) return;
    this.means = pixels && this.model.encode(pixels);
    this.classified = pixels && this.model.classify(pixels, this.means);
    this.reconstruction = pixels && this.model.decode(this.model.activate(this.means));
    Demo.Paint.image(this.find(".original"), pixels);
    Demo.Paint.image(this.find(".reconstruction"), this.reconstruction);
    this.showEncoding();
    this.showClass();
    if (pixels) this.encode();
    else this.setLatents(this.latents);
  }

  encode() {
    if (this.means) this.setLatents(this.model.activate(this.means), { reconstructs: true });
  }

  /* Whoever sets them many times a second lets the last time settle. */
  setLatents(latents, { reconstructs = false, settled = true } = {}) {
    this.latents = Float32Array.from(latents);
    this.reconstructs = reconstructs;
    this.showLatents();
    if (settled) this.settle();
  }

  showEncoding() {
    this.rows.forEach(({ element, track, bar, mean, name }, latent) => {
      const value = this.means ? this.means[latent] : 0;
      const [zero, end] = [this.shareOfBars(0), this.shareOfBars(value)];
      const isLargest = this.means !== null && latent === this.classified.largest;
      bar.style.setProperty("--start", Math.min(zero, end));
      bar.style.setProperty("--length", Math.abs(end - zero));
      mean.textContent = this.means ? Demo.Words.decimal(value) : "";
      element.classList.toggle("largest", isLargest);
      const text = this.means ? Demo.Words.decimal(value) + (isLargest ? ", the largest" : "") : "nothing";
      Demo.setAttribute(track, "aria-label", `Encoding of ${name}: ${text}`);
    });
  }

  showClass() {
    const { classified, label, model } = this;
    const show = (name, text) => (this.find(name).textContent = text);
    this.find(".answer").classList.toggle("doubted", Boolean(classified && classified.outOfDistribution));
    if (!classified) {
      show(".answer", "\u2013");
      show(".reason", "No input");
      show(".margin", "");
      show(".verdict", "");
      return;
    }
    const { largest, second, lowMargin, outOfDistribution } = classified;
    const [answer, isRight] = [model.classOf(largest), classified.label === label];
    const margin = `${lowMargin ? "Low margin" : "Margin"} over ${model.classOf(second)}: ${Demo.Words.decimal(classified.margin)}`;
    show(".answer", outOfDistribution ? `${answer}?` : answer);
    this.find(".answer").title = Demo.Images.hasLongNames ? answer : "";
    show(".reason", `Latent ${model.nameOf(largest)} is the largest${model.labelled ? "" : `; it fits ${answer} best`}`);
    show(".margin", outOfDistribution ? `Out of distribution: ${Demo.Words.strangeness(outOfDistribution)}` : margin);
    show(".verdict", label === null ? "" : `${isRight ? "Right" : "Wrong"}, labelled ${Demo.Images.classes[label]}`);
    this.find(".verdict").className = `verdict ${isRight ? "right" : "wrong"}`;
  }

  /* The pictures and the sliders; what assistive technology reads waits until they settle. */
  showLatents() {
    const { rows, latents, pixels, model } = this;
    this.decoded = model.decode(latents);
    const [low, high] = model.sliders;
    rows.forEach(({ element, slider, current }, latent) => {
      const share = (latents[latent] - low) / (high - low);
      slider.value = Math.round(share * Card.SLIDER_STEPS);
      slider.style.setProperty("--fill", `${100 * Math.min(1, Math.max(0, share))}%`);
      const isBeyond = share > 1 + 1e-6 || share < -1e-6;
      element.classList.toggle("beyond", isBeyond);
      current.textContent = (isBeyond ? (share > 1 ? "\u25b8 " : "\u25c2 ") : "") + Demo.Words.decimal(latents[latent]);
    });
    const difference = pixels && this.decoded.map((pixel, i) => pixel - pixels[i]);
    this.error = difference && Demo.Model.squaredError(this.decoded, pixels);
    Demo.Paint.image(this.find(".decoded"), this.decoded);
    Demo.Paint.difference(this.find(".difference"), difference);
    this.find(".squared-error").textContent = difference ? this.error.toFixed(1) : "\u2013";
    const medians = model.latents.rest;
    this.find(".at-medians").hidden = latents.some((value, i) => Math.abs(value - medians[i]) >= 1e-3);
  }

  describeRow(latent) {
    const { element, slider } = this.rows[latent];
    const beyond = element.classList.contains("beyond") ? ", beyond the slider\u2019s end" : "";
    Demo.setAttribute(slider, "aria-valuetext", Demo.Words.decimal(this.latents[latent]) + beyond);
  }

  settle() {
    if (!this.model) return;
    this.rows.forEach((_, latent) => this.describeRow(latent));
    const { pixels, model } = this;
    const describe = (name, text) => Demo.setAttribute(this.find(name), "aria-label", `${model.title}: ${text}`);
    describe(".original", pixels ? "the input" : "no input");
    describe(".reconstruction", pixels ? "the input, reconstructed" : "no input, so no reconstruction");
    describe(".decoded", this.reconstructs ? "decoded from the sliders, which stand at the encoding" : "decoded from the sliders");
    describe(".difference", pixels ? `difference, squared error ${this.error.toFixed(1)}` : "no difference, for there is no input");
    this.handlers.onSettle();
  }
};
