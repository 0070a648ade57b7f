"use strict";
/* The models beside one another, and whatever shows all of them. */

Demo.Models = (() => {
  const { Model, Words, announce, byId, make, state, update } = Demo;
  const MOST_CARDS = 4;
  const map = new Demo.EncodingMap(byId("map"), (position) => {
    Demo.Input.showImage(position);
    Demo.Input.tell();
  });
  const all = () => state.cards.map((card) => card.model).filter(Boolean);
  const most = () => Math.min(MOST_CARDS, state.entries.length);
  let figure = null;
  let slots = 0;

  function addCard(name) {
    const card = new Demo.Card(slots++, {
      onSlide: () => Demo.Sliders.setByHand(),
      onChoose: choose,
      onRemove: remove,
      onSettle: () => Demo.Address.keep(),
    });
    const menu = card.find(".choose");
    for (const entry of state.entries) menu.append(make("option", { value: entry.name }, Words.titleOf(entry)));
    state.cards.push(card);
    byId("models").append(card.element);
    return choose(card, name);
  }

  async function choose(card, name) {
    card.wanted = name;
    card.find(".choose").value = name;
    card.model = null;
    card.showWaiting();
    update();
    try {
      const model = await Model.load(name);
      if (card.wanted !== name || !state.cards.includes(card)) return;
      Object.assign(card, { pixels: state.pixels, label: state.label });
      card.setModel(model);
      if (state.pure !== null) card.setLatents(model.latents.pure[state.pure]);
      showModels();
    } catch (error) {
      if (card.wanted === name) card.showProblem(`${error.message} Is the folder complete?`);
    }
  }

  function remove(card) {
    card.wanted = null;
    state.cards.splice(state.cards.indexOf(card), 1);
    card.element.remove();
    showModels();
    byId("add").focus();
  }

  function add() {
    const taken = state.cards.map((card) => card.wanted);
    const free = state.entries.find((entry) => !taken.includes(entry.name)) || state.entries[0];
    return addCard(free.name);
  }

  /* After a model came or went. */
  function showModels() {
    const models = all();
    if (models.length) {
      Demo.Runs.show(models);
      map.setModels(models);
    }
    const known = new Map([...byId("atlases").children].map((each) => [each.dataset.name, each]));
    byId("atlases").replaceChildren(
      ...[...new Set(models)].map((model) => known.get(model.name) || Demo.Atlas.build(model, setFromAtlas, showLatent)),
    );
    update();
    showExample();
    findMisclassified();
  }

  function setFromAtlas(model, latents) {
    Demo.Sliders.setByHand();
    for (const card of state.cards) if (card.model === model) card.setLatents(latents);
    announce(`Sliders of ${model.title} set`);
  }

  function showLatent({ name }, latent) {
    Demo.LatentCard.show({ name, latent });
    byId("latent").scrollIntoView();
    byId("latent-title").focus();
  }

  /* Whenever the first model changes, and when the images are there: whichever comes last. */
  async function findMisclassified() {
    const model = state.cards[0] && state.cards[0].model;
    if (!model || !state.images || (state.misclassified && state.misclassified.model === model)) return;
    update({ misclassified: { model, positions: null } });
    await new Promise((resolve) => setTimeout(resolve, 200)); // what is in sight comes first
    const { misclassified: positions } = await Demo.Encodings.of(model);
    if (state.misclassified.model === model) update({ misclassified: { model, positions } });
  }

  /* ---- the explanation ---- */

  function explain(index) {
    figure = new Demo.Learn.Figure(byId("learn"), state.entries, index, { onChoose: showExample, onShow: Demo.Tour.follow });
    for (const button of byId("learn").querySelectorAll(".steps button")) button.disabled = false;
  }

  /* Its example is the last test image, by a model of either method. It is one of those that are
     shown, or else the first of its kind, loaded for this. */
  async function showExample() {
    const { example, images } = state;
    if (example === null || !figure) return;
    const { method } = figure;
    const [left, right] = await Promise.all([method, "none"].map(modelOf));
    if (figure.method !== method || state.example !== example) return;
    figure.setExample(images.labels[example], images.pixels(example), left, right);
  }

  async function modelOf(method) {
    const shown = all().find((model) => model.method === method);
    const entry = state.entries.find((each) => each.method === method);
    if (shown || !entry || !state.started) return shown;
    // Where it cannot be loaded, the drawing stays without numbers.
    return Model.load(entry.name).catch(() => undefined);
  }

  function listen() {
    byId("add").addEventListener("click", add);
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((each) => each.isIntersecting)) return;
      observer.disconnect();
      map.start();
    }).observe(byId("map"));
  }

  return {
    MOST_CARDS, map, all, most, addCard, choose, remove, explain, showExample, findMisclassified, listen,
    get figure() { return figure; },
  };
})();
