"use strict";
/* The page: one input, and the models side by side that encode it and draw from their sliders. */

const Page = (() => {
  const { SIDE } = Drawing;
  const DIGITS = 10;
  const SLIDER_STEPS = 200;
  const BLACK = [0, 0, 0];
  const WHITE = [255, 255, 255];
  const MISSING = [255, 159, 28];
  const EXTRA = [63, 167, 255];

  const byId = (id) => document.getElementById(id);
  const capitalised = (word) => word[0].toUpperCase() + word.slice(1);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  /* A minus sign, and no minus zero. */
  const decimal = (value) => value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "\u2212");

  /* Paint 784 values on a canvas of 28 x 28; `colour` gives 3 bytes for a value. */
  function paint(canvas, values, colour) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      image.data.set(values ? colour(values[i]) : BLACK, 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  const shade = (value) => WHITE.map((channel) => channel * value);
  const tint = (value) => (value > 0 ? EXTRA : MISSING).map((channel) => channel * Math.abs(value));

  function setSlider(slider, value) {
    slider.value = value;
    const share = (slider.value - slider.min) / (slider.max - slider.min);
    slider.style.setProperty("--fill", `${100 * share}%`);
  }

  /* One model's card. It keeps the latents itself: a slider can show only what is in its range. */
  class ModelCard {
    constructor(model, onSlide) {
      this.model = model;
      this.network = Network.read(model);
      this.routed = model.recipe.routing === "label";
      this.name = capitalised(model.variant);
      this.latents = Float32Array.from(model.latents.rest);
      this.element = byId("model").content.cloneNode(true).firstElementChild;
      this.find(".name").textContent = this.name;
      this.find(".name").id = `name-${model.variant}`;
      this.element.setAttribute("aria-labelledby", `name-${model.variant}`);
      this.element.dataset.variant = model.variant;
      this.element.classList.toggle("fitted", !this.routed);
      this.find(".about").textContent = this.routed
        ? "a 7 trains latent 7 only, and so on"
        : "no routing: every digit trains every latent";
      this.rows = model.assignment.map((digit, latent) => this.buildRow(digit, latent, onSlide));
      this.find(".latents").append(...this.rows.map((row) => row.element));
      this.setInput(null, null);
    }

    find(selector) {
      return this.element.querySelector(selector);
    }

    buildRow(digit, latent, onSlide) {
      const element = document.createElement("div");
      element.className = "latent";
      const id = `${this.model.variant}-${latent}`;
      element.innerHTML = `
        <label for="${id}">${latent}</label>
        <div class="track" role="img"><div class="zero"></div><div class="bar"></div></div>
        <span class="value mean" aria-hidden="true"></span>
        <input type="range" id="${id}">
        <span class="value current" aria-hidden="true"></span>`;
      const part = (selector) => element.querySelector(selector);
      if (!this.routed) {
        part("label").insertAdjacentHTML("beforeend", `<small>fits ${digit}</small>`);
      }
      const slider = part("input");
      const [low, high] = [this.model.latents.low[latent], this.model.latents.high[latent]];
      Object.assign(slider, { min: low, max: high, step: (high - low) / SLIDER_STEPS });
      const label = this.routed ? `Digit ${latent}` : `Latent ${latent}, fits ${digit} best`;
      slider.setAttribute("aria-label", `${label}, ${this.name}`);
      part(".zero").style.left = `${100 * this.shareOfBars(0)}%`;
      slider.addEventListener("input", () => {
        this.latents[latent] = slider.valueAsNumber;
        onSlide();
        this.showLatents(false);
      });
      return { element, label, slider, track: part(".track"), bar: part(".bar"), mean: part(".mean"), current: part(".current") };
    }

    shareOfBars(mean) {
      const [low, high] = this.model.bars;
      return Math.min(1, Math.max(0, (mean - low) / (high - low)));
    }

    /* Encode 784 pixels, or nothing, and move the sliders to the encoding. */
    setInput(pixels, label) {
      this.pixels = pixels;
      this.label = label;
      this.means = pixels && Network.encode(this.network, pixels);
      this.largest = pixels && Network.indexOfLargest(this.means);
      paint(this.find(".original"), pixels, shade);
      this.showEncoding();
      this.showReading();
      if (pixels) this.encode();
      else this.showLatents(false);
    }

    encode() {
      if (this.means) this.setLatents(Network.activate(this.network, this.means), true);
    }

    setLatents(latents, reconstructs = false) {
      this.latents = Float32Array.from(latents);
      this.showLatents(reconstructs);
    }

    /* The digit that the largest mean stands for. */
    get reading() {
      return this.routed ? this.largest : this.model.assignment[this.largest];
    }

    showEncoding() {
      this.rows.forEach(({ element, track, bar, mean, label }, latent) => {
        const value = this.means ? this.means[latent] : 0;
        const [zero, end] = [this.shareOfBars(0), this.shareOfBars(value)];
        const isLargest = latent === this.largest;
        bar.style.left = `${100 * Math.min(zero, end)}%`;
        bar.style.width = `${100 * Math.abs(end - zero)}%`;
        mean.textContent = this.means ? decimal(value) : "";
        element.classList.toggle("largest", isLargest);
        const text = this.means ? decimal(value) + (isLargest ? ", the largest" : "") : "nothing";
        track.setAttribute("aria-label", `Encoding of ${label}: ${text}`);
      });
    }

    showReading() {
      const reason = this.find(".reason");
      if (!this.means) {
        this.find(".digit").textContent = "\u2013";
        reason.textContent = "No input";
        return;
      }
      this.find(".digit").textContent = this.reading;
      reason.textContent = this.routed
        ? `Latent ${this.largest} is the largest`
        : `Latent ${this.largest} is the largest; it fits ${this.reading} best`;
      if (this.label !== null) {
        const verdict = document.createElement("span");
        const isRight = this.reading === this.label;
        verdict.className = `verdict ${isRight ? "right" : "wrong"}`;
        verdict.textContent = `${isRight ? "Right" : "Wrong"}, labelled ${this.label}`;
        reason.append(verdict);
      }
    }

    showLatents(reconstructs) {
      this.decoded = Network.decode(this.network, this.latents);
      this.rows.forEach(({ slider, current }, latent) => {
        setSlider(slider, this.latents[latent]);
        current.textContent = decimal(this.latents[latent]);
        slider.setAttribute("aria-valuetext", decimal(this.latents[latent]));
      });
      const difference = this.pixels && this.decoded.map((pixel, i) => pixel - this.pixels[i]);
      const error = difference && difference.reduce((sum, each) => sum + each * each, 0);
      const what = reconstructs ? "Reconstruction" : "Decoded";
      paint(this.find(".decoded"), this.decoded, shade);
      paint(this.find(".difference"), difference, tint);
      this.find(".decoded-caption").textContent = what;
      this.find(".squared-error").textContent = error === null ? "\u2013" : error.toFixed(1);
      const describe = (name, text) => this.find(name).setAttribute("aria-label", `${this.name}: ${text}`);
      describe(".original", this.pixels ? "the input" : "no input");
      describe(".decoded", reconstructs ? "reconstruction of the input" : "image decoded from the sliders");
      describe(".difference", difference ? `difference, squared error ${error.toFixed(1)}` : "no difference, for there is no input");
    }
  }

  /* From each pure digit to the next, at `speed` digits a second, until paused. */
  class Morph {
    constructor(onFrame, onToggle) {
      this.onFrame = onFrame;
      this.onToggle = onToggle;
      this.position = 0;
      this.speed = 1;
      this.frame = 0;
    }

    get playing() {
      return this.frame !== 0;
    }

    play() {
      if (this.playing) return;
      let last = performance.now();
      const step = (now) => {
        this.position = (this.position + (Math.max(0, now - last) / 1000) * this.speed) % DIGITS;
        last = now;
        this.onFrame(this.position);
        this.frame = requestAnimationFrame(step);
      };
      this.frame = requestAnimationFrame(step);
      this.onToggle(true);
    }

    pause() {
      if (!this.playing) return;
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      this.onToggle(false);
    }
  }

  function start(data) {
    const { digits } = data;
    const bytes = Network.bytesOf(digits.pixels);
    const all = digits.labels.map((_, position) => position);
    const choices = { typical: all.slice(0, digits.typical), misread: digits.misread };
    let position = 0;
    let drawn = true;

    const morph = new Morph(showMorph, showPlaying);
    const cards = data.models.map((model) => new ModelCard(model, () => setByHand()));
    byId("models").append(...cards.map((card) => card.element));
    const pad = new Drawing.Pad(byId("pad"), { onChange: showDrawing, onEnd: announce });

    /* Whoever moves the latents stops the morph; `digit` is the pure one now shown, if any. */
    function setByHand(digit = null) {
      morph.pause();
      byId("morph-state").textContent = "";
      for (const button of byId("pure").children) {
        button.setAttribute("aria-pressed", String(Number(button.textContent) === digit && digit !== null));
      }
    }

    function showInput(pixels, label, source) {
      setByHand();
      paint(byId("seen"), pixels, shade);
      byId("seen").setAttribute("aria-label", pixels ? "What the encoder sees: 28 by 28 pixels" : "Nothing yet");
      byId("hint").hidden = pixels !== null;
      byId("source").textContent = source;
      cards.forEach((card) => card.setInput(pixels, label));
      byId("readings").textContent = readings().join("\n");
    }

    const readings = () =>
      cards.map((card) => `${card.name}: ${card.means ? `reads a ${card.reading}` : "\u2013"}`);

    function showDrawing(strokes) {
      drawn = true;
      showInput(Drawing.toImage(strokes), null, strokes.length ? "Your drawing" : "Empty pad");
    }

    function showDigit(next) {
      position = next;
      drawn = false;
      const pixels = Float32Array.from(
        bytes.subarray(position * SIDE * SIDE, (position + 1) * SIDE * SIDE),
        (byte) => byte / 255,
      );
      const label = digits.labels[position];
      showInput(pixels, label, `Test digit ${digits.numbers[position]}, a ${label}`);
      pad.show(byId("seen"));
    }

    function announce() {
      byId("announcement").textContent = [byId("source").textContent, ...readings()].join(". ");
    }

    const chosen = () => (byId("misread").checked ? choices.misread : choices.typical);

    function stepBy(step) {
      const among = chosen();
      const at = among.indexOf(position);
      const from = at >= 0 ? at : step > 0 ? -1 : 0;
      showDigit(among[(from + step + among.length) % among.length]);
      announce();
    }

    function showRandom() {
      const others = chosen().filter((each) => each !== position || drawn);
      const among = others.length ? others : chosen();
      showDigit(among[Math.floor(Math.random() * among.length)]);
      announce();
    }

    function showPure(digit) {
      setByHand(digit);
      morph.position = digit;
      cards.forEach((card) => card.setLatents(card.model.latents.pure[digit]));
      byId("announcement").textContent = `Latents of a pure ${digit}`;
    }

    function showMorph(at) {
      const [from, part] = [Math.floor(at), at % 1];
      const to = (from + 1) % DIGITS;
      byId("morph-state").textContent = `${from} \u2192 ${to}`;
      for (const card of cards) {
        const { pure } = card.model.latents;
        card.setLatents(pure[from].map((value, i) => value + part * (pure[to][i] - value)));
      }
    }

    function showPlaying(playing) {
      byId("play").textContent = playing ? "Pause" : "Play";
    }

    function togglePlay() {
      if (morph.playing) {
        morph.pause();
      } else {
        setByHand();
        morph.play();
      }
    }

    function setSpeed() {
      const slider = byId("speed");
      morph.speed = slider.valueAsNumber;
      setSlider(slider, slider.value);
      slider.setAttribute("aria-valuetext", `${slider.value} digits a second`);
    }

    const reset = () => {
      setByHand();
      cards.forEach((card) => card.setLatents(card.model.latents.rest));
      byId("announcement").textContent = "All latents at rest";
    };
    const encode = () => {
      setByHand();
      cards.forEach((card) => card.encode());
      announce();
    };

    for (let digit = 0; digit < DIGITS; digit++) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: digit, onclick: () => showPure(digit) });
      button.setAttribute("aria-label", `Pure ${digit}`);
      byId("pure").append(button);
    }
    const actions = {
      undo: () => pad.undo(),
      clear: () => pad.clear(),
      previous: () => stepBy(-1),
      next: () => stepBy(1),
      random: showRandom,
      encode,
      reset,
      play: togglePlay,
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    byId("speed").addEventListener("input", setSpeed);
    byId("misread").addEventListener("change", () => {
      if (byId("misread").checked && (drawn || !choices.misread.includes(position))) showRandom();
    });
    byId("misread").disabled = choices.misread.length === 0;
    byId("misread-label").textContent = `Only those that ${cards[0].name} misreads`;

    setSpeed();
    fillRuns(data.models);
    showDigit(choices.typical[0]);
    document.documentElement.dataset.ready = "true";
    return { cards, pad, morph };
  }

  /* What made each model, one column a model. */
  function fillRuns(models) {
    fillTable(byId("runs"), models, (model) => ({
      seed: model.seed,
      "test digits read right": percent(
        model.measures[model.recipe.routing === "label" ? "argmax_accuracy" : "assigned_accuracy"],
      ),
      "mean squared error": model.measures.squared_error_per_image.toFixed(1),
      routing: model.recipe.routing,
      "weights, SHA-256": `${model.weights_sha256.slice(0, 12)}\u2026`,
    }));
    fillTable(byId("parameters"), models, (model) => ({
      latent_act: model.latent_act,
      ...model.recipe,
      sha256: model.weights_sha256,
    }));
  }

  function fillTable(table, models, factsOf) {
    const addRow = (section, [name, ...values], tag, scope) => {
      const row = section.insertRow();
      row.append(Object.assign(document.createElement("th"), { textContent: name, scope }));
      for (const value of values) {
        const text = Array.isArray(value) ? value.join(", ") : String(value);
        row.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
    };
    const columns = models.map(factsOf);
    addRow(table.createTHead(), ["variant", ...models.map((model) => model.variant)], "th", "col");
    const body = table.createTBody();
    for (const name of Object.keys(columns[0])) {
      addRow(body, [name, ...columns.map((facts) => facts[name])], "td", "row");
    }
  }

  return start(GRVAE_DATA);
})();
