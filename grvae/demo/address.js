"use strict";
/* The page's address, which holds what it shows; share.js says how it is written. */

Demo.Address = (() => {
  const { Share, byId, make, state, update } = Demo;
  let written = 0;

  function current() {
    const { cards, images, pixels, pure } = state;
    const { pad } = Demo.Input;
    const follows = (card) => !card.model || (card.reconstructs && pixels) || pure !== null;
    return {
      models: cards.map((card) => card.wanted),
      image: pad.image === null || !images ? null : images.numbers[pad.image],
      strokes: pad.strokes,
      sliders: cards.map((card) => (follows(card) ? null : card.latents)),
      pure,
      live: state.live,
      latent: state.latent,
      view: byId("view").value || null,
      embed: byId("embed").checked,
    };
  }

  /* Follow what is shown, once it is still. */
  function keep() {
    if (!state.started || state.playing) return;
    clearTimeout(written);
    written = setTimeout(write, 150);
  }

  function write() {
    history.replaceState(null, "", Share.write(current()) || location.pathname);
  }

  /* The models that an address names, or else those that the page opens with. */
  function namesOf(wanted) {
    const known = state.entries.map((entry) => entry.name);
    const names = (wanted.models || []).filter((name) => known.includes(name));
    return names.length ? names.slice(0, Demo.Models.MOST_CARDS) : Demo.Data.peek("index").opens;
  }

  async function apply(wanted) {
    const { cards } = state;
    const names = namesOf(wanted);
    while (cards.length > names.length) Demo.Models.remove(cards[cards.length - 1]);
    document.documentElement.classList.toggle("embed", wanted.embed);
    document.documentElement.dataset.view = wanted.view || "";
    byId("view").value = wanted.view || "";
    byId("embed").checked = wanted.embed;
    const loading = names.map((name, i) => {
      if (!cards[i]) return Demo.Models.addCard(name);
      return cards[i].wanted === name ? null : Demo.Models.choose(cards[i], name);
    });
    try {
      update({ images: await Demo.TestImages.load() });
      Demo.Models.findMisclassified();
    } catch (error) {
      const { drawable, words } = Demo.Images;
      Demo.showBanner(`${error.message} Test ${words.things} are missing${drawable ? "; you can still draw" : ""}.`);
    }
    Demo.Live.set(wanted.live);
    Demo.LatentCard.show(wanted.latent);
    showInput(wanted);
    await Promise.all(loading);
    if (wanted.pure !== null) Demo.Sliders.showPure(wanted.pure);
    cards.forEach((card, i) => wanted.sliders[i] && card.model && card.setLatents(wanted.sliders[i]));
    if (wanted.view && !wanted.embed) byId(wanted.view).scrollIntoView();
  }

  function showInput({ strokes, image }) {
    const { pad, showImage } = Demo.Input;
    if (strokes && Demo.Images.drawable) pad.showStrokes(strokes);
    else if (state.images && (image !== null || pad.strokes.length === 0)) {
      showImage(Math.max(0, state.images.numbers.indexOf(image)));
    }
  }

  /* A line for each model: its name, and where its sliders stand. */
  const numbers = () =>
    state.cards
      .filter((card) => card.model)
      .map(({ model, latents }) => `${model.name}: ${Array.from(latents, (each) => each.toFixed(3)).join(" ")}`)
      .join("\n");

  /* The address of the latent's card; embedded, of nothing else. */
  function ofLatent(embed) {
    const models = embed ? [state.latent.name] : state.cards.map((card) => card.wanted);
    return location.href.split("#")[0] + Share.write({ models, latent: state.latent, view: "latent", embed });
  }

  const frame = () =>
    make("iframe", { src: ofLatent(true), title: byId("latent-title").textContent, width: 760, height: 480 }).outerHTML;

  async function copy(text, what, note = byId("copied")) {
    const done = await Share.copy(text);
    note.textContent = done ? `${what} copied` : `The browser lets no page copy; here it is: ${text}`;
  }

  function listen() {
    byId("view").addEventListener("change", write);
    byId("embed").addEventListener("change", write);
    byId("copy-link").addEventListener("click", () => {
      write();
      copy(location.href, "Link");
    });
    byId("copy-numbers").addEventListener("click", () => copy(numbers(), "Numbers"));
    byId("latent-link").addEventListener("click", () => copy(ofLatent(false), "Link", byId("latent-copied")));
    byId("latent-embed").addEventListener("click", () => copy(frame(), "Embed", byId("latent-copied")));
    window.addEventListener("hashchange", () => {
      if (location.hash.includes("=")) apply(Share.read(location.hash));
    });
  }

  return { current, keep, apply, listen };
})();
