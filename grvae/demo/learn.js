"use strict";
/* Routing itself, step by step: one image goes forward, its error comes back, and on each side
   another rule says which latents let it through to the encoder. */

Demo.Learn = (() => {
  const { Images, METHODS, Paint, make, setAttribute, svg } = Demo;
  const SECONDS = 4;
  const { classes, count, hasLongNames, words } = Images;

  // Of many latents the drawing has nine, and says how many more there are.
  const MOST = 12;
  const rows = count > MOST ? 9 : count;
  const pitch = Math.min(25, 250 / rows);
  const rowAt = (row) => 130.5 + pitch * (row - (rows - 1) / 2);
  // A latent's box: its edges, its name and its bar; long names take more room.
  const BOX = hasLongNames ? { left: 184, right: 288, name: 189, bar: 247 }
    : count > 10 ? { left: 200, right: 268, name: 212, bar: 226 } // a number has two digits
    : { left: 206, right: 266, name: 215, bar: 224 };

  const STEPS = [
    { name: "image", text: (label) => `An ${Images.imageOf(label)} goes in.` },
    { name: "encode", text: () => `The encoder maps its ${words.pixels} to ${words.count} numbers, the latents.` },
    { name: "decode", text: () => `The decoder makes an image of these ${words.count} numbers alone: the reconstruction.` },
    { name: "error", text: () => "Where the reconstruction is wrong, training sends the error backwards, as a gradient." },
    { name: "through", text: (label, method) => METHODS[method].through(classes[label]) },
    { name: "rule", text: (label, method, limits) => METHODS[method].rule(classes[label], limits) },
    { name: "many", text: (label, method) => METHODS[method].many },
  ];

  /* One network, as a drawing whose parts are lit by classes. */
  class Diagram {
    constructor(element, method) {
      this.element = element;
      this.setMethod(method);
      const path = (kind, d, isOfLatent = false) =>
        svg("path", { class: `flow ${kind}`, d, ...(isOfLatent ? { "data-latent": "" } : {}) });
      const picture = (name, x) => svg("image", { class: name, x, y: 95, width: 72, height: 72 });
      const label = (x, y, text) => svg("text", { x, y, class: "caption" }, text);
      const each = (build) => Array.from({ length: rows }, (_, row) => build(row));
      const { left, right } = BOX;
      // What belongs to each row, and gets the row's latent as soon as there is an example.
      this.rows = each((row) => ({
        encode: path("forward", `M160 131L${left - 2} ${rowAt(row) - 3}`, true),
        decode: path("forward draw", `M${right + 2} ${rowAt(row) - 3}L320 131`, true),
        decoderBack: path("backward decoder", `M320 137L${right + 2} ${rowAt(row) + 4}`, true),
        encoderBack: path("backward encoder", `M${left - 2} ${rowAt(row) + 4}L160 137`, true),
        box: this.box(rowAt(row)),
      }));
      const all = (part) => this.rows.map((row) => row[part]);
      const more = count - rows;
      const drawing = svg("svg", { viewBox: "0 0 480 272", "aria-hidden": "true", focusable: "false" },
        path("forward", "M80 131H104"), path("forward draw", "M376 131H400"),
        path("backward decoder", "M400 137H376"),
        ...all("encode"), ...all("decode"), ...all("decoderBack"), ...all("encoderBack"),
        path("backward encoder", "M104 137H80"),
        svg("polygon", { class: "net first", points: "104,61 160,96 160,172 104,207" }),
        svg("polygon", { class: "net second", points: "376,61 320,96 320,172 376,207" }),
        picture("picture-in", 6), picture("picture-out", 402),
        svg("rect", { class: "frame in", x: 6, y: 95, width: 72, height: 72 }),
        svg("rect", { class: "frame out", x: 402, y: 95, width: 72, height: 72 }),
        ...all("box"),
        label(42, 184, "image"), label(132, 138, "encoder"), label(348, 138, "decoder"), label(438, 184, "decoded"),
        label(236, 268, `${words.count} latents${more ? `, ${more} of them not drawn` : ""}`));
      const cells = (build) => classes.map((_, i) => build(i));
      this.tally = svg("svg", { class: "tally", viewBox: `0 0 ${12 * count} ${12 * count}`, "aria-hidden": "true" },
        ...cells((label) => cells((latent) => svg("rect", { x: 2 + 12 * latent, y: 2 + 12 * label, width: 10, height: 10,
          class: label === latent ? "cell own" : "cell other", "data-class": label }))).flat());
      element.querySelector(".drawing").append(drawing);
      element.querySelector(".trained-by").prepend(this.tally);
      this.draw(0, []);
    }

    box(y) {
      const { left, right, name, bar } = BOX;
      const height = Math.min(20, pitch - 2);
      return svg("g", { class: "latent-box", "data-latent": "" },
        svg("rect", { class: "latent-frame", x: left, y: y - height / 2, width: right - left, height, rx: 3 }),
        svg("rect", { class: "latent-bar", x: bar, y: y - 6, width: 0, height: 12 }),
        svg("path", { class: "limit", d: `M${bar} ${y - 9}v18` }),
        svg("text", { x: name, y: y + 5, class: hasLongNames ? "caption long" : "caption" }),
        svg("path", { class: "stop", d: `M${left - 10} ${y - 3}l9 13m0 -13l-9 13` }));
    }

    setMethod(method) {
      const { name, passes, trained } = METHODS[method];
      this.isNamed = method !== "none";
      Object.assign(this.element.dataset, { ...passes, trained });
      this.element.querySelector(".method").textContent = name;
    }

    /* Which latents are drawn: the label's, and of the others the largest. */
    draw(label, latents) {
      const others = classes.map((_, latent) => latent).filter((latent) => latent !== label);
      if (latents.length) others.sort((a, b) => latents[b] - latents[a]);
      this.drawn = [label, ...others].slice(0, rows).sort((a, b) => a - b);
      this.rows.forEach((row, i) => {
        const latent = this.drawn[i];
        for (const part of Object.values(row)) part.dataset.latent = latent;
        const name = this.isNamed ? classes[latent] : String(latent);
        row.box.querySelector("text").textContent = name.length > 9 ? `${name.slice(0, 8)}\u2026` : name;
      });
    }

    /* Whose latent this image's label is: the others are closed where there is routing. `latents`
       are those of a model, where there is one. */
    setLabel(label, latents) {
      this.draw(label, latents);
      for (const cell of this.tally.children) cell.classList.toggle("now", Number(cell.dataset.class) === label);
      for (const each of this.element.querySelectorAll("[data-latent]")) {
        each.classList.toggle("own", Number(each.dataset.latent) === label);
      }
    }

    /* `title` names the model whose numbers these are; the limits are marked on the same scale. */
    setNumbers(title, image, decoded, latents, label, { floor, ceiling }) {
      this.element.querySelector(".whose").textContent = title;
      this.element.querySelector(".picture-in").setAttribute("href", image);
      this.element.querySelector(".picture-out").setAttribute("href", decoded);
      const most = Math.max(...latents, floor || 0, ceiling || 0, 1e-6);
      this.rows.forEach(({ box }, row) => {
        const latent = this.drawn[row];
        box.querySelector(".latent-bar").setAttribute("width", Math.max(0, (38 * latents[latent]) / most));
        const value = latent === label ? floor : ceiling;
        const mark = box.querySelector(".limit");
        mark.setAttribute("transform", `translate(${(38 * (value || 0)) / most} 0)`);
        mark.classList.toggle("set", Boolean(value));
      });
    }
  }

  /* The whole figure. `entries` are the index's models, `code` their sources; `onChoose()` when
     another method is to be explained, so that its model can be brought, and `onShow(figure)`
     whenever it shows a step. */
  class Figure {
    constructor(element, entries, code, { onChoose = () => {}, onShow = (_) => {} } = {}) {
      this.element = element;
      this.code = code;
      this.onChoose = onChoose;
      this.onShow = onShow;
      this.isUnderWay = false; // whether one steps through it
      const first = (method) => entries.find((entry) => entry.method === method);
      this.methods = Object.keys(METHODS).filter((method) => method !== "none" && first(method));
      if (!this.methods.length) this.methods = ["routed"];
      this.limits = Object.fromEntries(this.methods.map((method) => [method, first(method) || {}]));
      const [left, right] = element.querySelectorAll(".side");
      this.method = this.methods[0];
      this.left = new Diagram(left, this.method);
      this.right = new Diagram(right, "none");
      this.label = Math.min(7, count - 1);
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
    setExample(label, pixels, model, baseline) {
      this.label = label;
      for (const [diagram, each] of [[this.left, model], [this.right, baseline]]) {
        const latents = each ? each.activate(each.encode(pixels)) : [];
        diagram.setLabel(label, latents);
        if (!each) continue;
        const title = `with the numbers of ${each.title}, seed ${each.seed}`;
        diagram.setNumbers(title, Paint.address(pixels), Paint.address(each.decode(latents)), latents, label, each);
      }
      this.show();
    }

    stepBy(step) {
      this.pause();
      this.isUnderWay = true;
      this.at = (this.at + step + STEPS.length) % STEPS.length;
      this.show();
    }

    play() {
      if (this.at === STEPS.length - 1) this.at = -1;
      const advance = () => {
        this.isUnderWay = true;
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

    get step() {
      return STEPS[this.at].name;
    }

    show() {
      const step = STEPS[this.at];
      this.element.dataset.step = step.name;
      this.find(".sentence").textContent = step.text(this.label, this.method, this.limits[this.method]);
      this.find(".count").textContent = `${this.at + 1} of ${STEPS.length}`;
      this.onShow(this);
    }
  }

  return { Figure, STEPS };
})();
