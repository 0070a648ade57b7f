"use strict";
/* Routing itself, step by step: one image goes forward, its error comes back, and on each side
   another rule says which latents let it through to the encoder. */

Demo.Learn = (() => {
  const { Ink, METHODS, Paint, make, setAttribute } = Demo;
  const SVG = "http://www.w3.org/2000/svg";
  const SECONDS = 4;
  const rowAt = (latent) => 18 + 25 * latent;

  const STEPS = [
    { name: "image", text: (d) => `An image of a ${d} goes in.` },
    { name: "encode", text: () => "The encoder maps its 784 pixels to ten numbers, the latents." },
    { name: "decode", text: () => "The decoder makes an image of these ten numbers alone: the reconstruction." },
    { name: "error", text: () => "Where the reconstruction is wrong, training sends the error backwards, as a gradient." },
    { name: "through", text: (d, method) => METHODS[method].through(d) },
    { name: "rule", text: (d, method, limits) => METHODS[method].rule(d, limits) },
    { name: "many", text: (d, method) => METHODS[method].many },
  ];

  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  /* One network, as a drawing whose parts are lit by classes. */
  class Diagram {
    constructor(element, method) {
      this.element = element;
      this.setMethod(method);
      const path = (kind, d, latent) =>
        svg("path", { class: `flow ${kind}`, d, ...(latent === undefined ? {} : { "data-latent": latent }) });
      const picture = (name, x) => svg("image", { class: name, x, y: 95, width: 72, height: 72 });
      const label = (x, y, text) => svg("text", { x, y, class: "caption" }, text);
      const each = (build) => Array.from({ length: 10 }, (_, latent) => build(latent));
      const drawing = svg("svg", { viewBox: "0 0 480 272", "aria-hidden": "true", focusable: "false" },
        path("forward", "M80 131H104"), path("forward draw", "M376 131H400"),
        path("backward decoder", "M400 137H376"),
        ...each((i) => path("forward", `M160 131L204 ${rowAt(i) - 3}`, i)),
        ...each((i) => path("forward draw", `M268 ${rowAt(i) - 3}L320 131`, i)),
        ...each((i) => path("backward decoder", `M320 137L268 ${rowAt(i) + 4}`, i)),
        ...each((i) => path("backward encoder", `M204 ${rowAt(i) + 4}L160 137`, i)),
        path("backward encoder", "M104 137H80"),
        svg("polygon", { class: "net first", points: "104,61 160,96 160,172 104,207" }),
        svg("polygon", { class: "net second", points: "376,61 320,96 320,172 376,207" }),
        picture("picture-in", 6), picture("picture-out", 402),
        svg("rect", { class: "frame in", x: 6, y: 95, width: 72, height: 72 }),
        svg("rect", { class: "frame out", x: 402, y: 95, width: 72, height: 72 }),
        ...each((i) => this.latent(i)),
        label(42, 184, "image"), label(132, 138, "encoder"), label(348, 138, "decoder"), label(438, 184, "decoded"),
        label(236, 268, "ten latents"));
      this.tally = svg("svg", { class: "tally", viewBox: "0 0 120 120", "aria-hidden": "true" },
        ...each((digit) => each((latent) => svg("rect", { x: 2 + 12 * latent, y: 2 + 12 * digit, width: 10, height: 10,
          class: digit === latent ? "cell own" : "cell other", "data-digit": digit }))).flat());
      element.querySelector(".drawing").append(drawing);
      element.querySelector(".trained-by").prepend(this.tally);
      this.bars = [...element.querySelectorAll(".latent-bar")];
      this.marks = [...element.querySelectorAll(".limit")];
    }

    latent(i) {
      const y = rowAt(i);
      return svg("g", { class: "latent-box", "data-latent": i },
        svg("rect", { class: "latent-frame", x: 206, y: y - 10, width: 60, height: 20, rx: 3 }),
        svg("rect", { class: "latent-bar", x: 224, y: y - 6, width: 0, height: 12 }),
        svg("path", { class: "limit", d: `M224 ${y - 9}v18` }),
        svg("text", { x: 215, y: y + 5, class: "caption" }, String(i)),
        svg("path", { class: "stop", d: `M196 ${y - 3}l9 13m0 -13l-9 13` }));
    }

    setMethod(method) {
      const { name, passes, trained } = METHODS[method];
      Object.assign(this.element.dataset, { ...passes, trained });
      this.element.querySelector(".method").textContent = name;
    }

    /* Whose latent this image's label is: the others are closed where there is routing. */
    setDigit(digit) {
      const part = this.element.querySelectorAll("[data-latent]");
      for (const cell of this.tally.children) cell.classList.toggle("now", Number(cell.dataset.digit) === digit);
      for (const each of part) each.classList.toggle("own", Number(each.dataset.latent) === digit);
    }

    /* `title` names the model whose numbers these are; the limits are marked on the same scale. */
    setNumbers(title, image, decoded, latents, digit, { floor, ceiling }) {
      this.element.querySelector(".whose").textContent = title;
      this.element.querySelector(".picture-in").setAttribute("href", image);
      this.element.querySelector(".picture-out").setAttribute("href", decoded);
      const most = Math.max(...latents, floor || 0, ceiling || 0, 1e-6);
      this.bars.forEach((bar, i) => bar.setAttribute("width", Math.max(0, (38 * latents[i]) / most)));
      this.marks.forEach((mark, i) => {
        const value = i === digit ? floor : ceiling;
        mark.setAttribute("transform", `translate(${(38 * (value || 0)) / most} 0)`);
        mark.classList.toggle("set", Boolean(value));
      });
    }
  }

  function addressOf(pixels) {
    const canvas = make("canvas", { width: Ink.SIDE, height: Ink.SIDE });
    Paint.grey(canvas, pixels);
    return canvas.toDataURL();
  }

  /* The whole figure. `entries` are the index's models, `code` their sources; `onChoose()` when
     another method is to be explained, so that its model can be brought. */
  class Figure {
    constructor(element, entries, code, onChoose = () => {}) {
      this.element = element;
      this.code = code;
      this.onChoose = onChoose;
      const first = (method) => entries.find((entry) => entry.method === method);
      this.methods = Object.keys(METHODS).filter((method) => method !== "none" && first(method));
      if (!this.methods.length) this.methods = ["routed"];
      this.limits = Object.fromEntries(this.methods.map((method) => [method, first(method) || {}]));
      const [left, right] = element.querySelectorAll(".side");
      this.method = this.methods[0];
      this.left = new Diagram(left, this.method);
      this.right = new Diagram(right, "none");
      this.digit = 7;
      this.at = 0;
      this.timer = 0;
      this.find = (selector) => element.querySelector(selector);
      this.find(".play").addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      this.find(".back").addEventListener("click", () => this.stepBy(-1));
      this.find(".forth").addEventListener("click", () => this.stepBy(1));
      this.find(".methods").append(...this.methods.map((method) => {
        const button = make("button", { type: "button", textContent: METHODS[method].name });
        button.addEventListener("click", () => this.choose(method));
        button.dataset.method = method;
        return button;
      }));
      this.find(".methods").hidden = this.methods.length < 2;
      this.choose(this.method);
    }

    choose(method) {
      this.method = method;
      this.left.setMethod(method);
      for (const button of this.find(".methods").querySelectorAll("button")) {
        setAttribute(button, "aria-pressed", String(button.dataset.method === method));
      }
      const { route_gradient: route, gate } = this.code;
      this.element.querySelector("#route-gradient").textContent = METHODS[method].passes.late === "gate" ? `${route}\n\n\n${gate}` : route;
      this.show();
      this.onChoose();
    }

    /* An example with the numbers of real models; either may not be there yet. */
    setExample(digit, pixels, model, baseline) {
      this.digit = digit;
      for (const [diagram, each] of [[this.left, model], [this.right, baseline]]) {
        diagram.setDigit(digit);
        if (!each) continue;
        const latents = each.activate(each.encode(pixels));
        const title = `with the numbers of ${each.title}, seed ${each.seed}`;
        diagram.setNumbers(title, addressOf(pixels), addressOf(each.decode(latents)), latents, digit, each);
      }
      this.show();
    }

    stepBy(step) {
      this.pause();
      this.at = (this.at + step + STEPS.length) % STEPS.length;
      this.show();
    }

    play() {
      if (this.at === STEPS.length - 1) this.at = -1;
      const advance = () => {
        this.at += 1;
        this.show();
        if (this.at === STEPS.length - 1) this.pause();
      };
      this.timer = setInterval(advance, SECONDS * 1000);
      advance();
      this.find(".play").textContent = "Pause";
    }

    pause() {
      clearInterval(this.timer);
      this.timer = 0;
      this.find(".play").textContent = "Play";
    }

    show() {
      const step = STEPS[this.at];
      this.element.dataset.step = step.name;
      this.find(".sentence").textContent = step.text(this.digit, this.method, this.limits[this.method]);
      this.find(".count").textContent = `${this.at + 1} of ${STEPS.length}`;
    }
  }

  return { Figure, STEPS };
})();
