"use strict";
/* The card of one latent: its traversal, how active it is for each class, and the test images that
   activate it most. It has a link and an embed of its own. */

Demo.LatentCard = (() => {
  const { Atlas, Encodings, Images, Model, Paint, TestImages, Words, byId, make, state, update } = Demo;
  const MOST = 9; // test images
  const find = (selector) => byId("latent").querySelector(selector);

  /* `chosen` names a model and a latent of it, or is null. */
  async function show(chosen) {
    update({ latent: chosen });
    if (!chosen) return;
    const { name, latent } = chosen;
    byId("latent-title").textContent = `Latent ${latent} of ${name}`;
    try {
      if (!state.entries.some((entry) => entry.name === name)) throw new Error("This page has no such model.");
      const model = await Model.load(name);
      const [{ means }, images] = await Promise.all([Encodings.of(model), TestImages.load()]);
      if (state.latent === chosen) fill(model, latent, means.map((each) => model.activate(each)[latent]), images);
    } catch (error) {
      byId("latent-title").textContent += `: ${error.message}`;
    }
  }

  /* `values` are the latent's, of all test images. */
  function fill(model, latent, values, images) {
    const fits = model.labelled ? "" : `, fits ${model.classOf(latent)} best`;
    byId("latent-title").textContent = `Latent ${model.nameOf(latent)} of ${Words.titleOf(model)}${fits}`;
    find(".traversal").replaceChildren(...Atlas.traversal(model, latent).map((latents) =>
      picture(model.decode(latents), Words.decimal(latents[latent]))));
    const strongest = [...images.all].sort((a, b) => values[b] - values[a]).slice(0, MOST);
    find(".strongest").replaceChildren(...strongest.map((at) =>
      picture(images.pixels(at), `${Images.classes[images.labels[at]]}: ${Words.decimal(values[at])}`)));
    const averages = Images.classes.map((_, label) => {
      const own = values.filter((_, at) => images.labels[at] === label);
      return own.reduce((sum, each) => sum + each, 0) / Math.max(1, own.length);
    });
    const most = Math.max(...averages, 1e-6);
    find(".by-class").replaceChildren(...averages.map((value, label) => {
      const bar = make("div", { className: "bar" });
      bar.style.setProperty("--length", String(Math.max(0, value) / most));
      return make("li", {}, make("span", { title: Images.classes[label] }, Images.classes[label]), make("div", {}, bar), Words.decimal(value));
    }));
  }

  function picture(pixels, text) {
    const canvas = make("canvas", { className: "image", ariaHidden: "true" });
    Paint.image(canvas, pixels);
    return make("figure", {}, canvas, make("figcaption", {}, text));
  }

  return { show };
})();
