"use strict";
/* The input: what is drawn on the pad, or a test image. */

Demo.Input = (() => {
  const { Ink, Paint, Words, announce, byId, make, state, update } = Demo;
  const pad = new Demo.Pad(byId("pad"), { onChange: showPad, onEnd: tell });

  function showPad() {
    if (pad.image !== null) setImage(pad.image);
    else setInput(Ink.toImage(pad.strokes), null, pad.strokes.length ? "Your drawing" : "Empty pad");
  }

  function showImage(position) {
    const canvas = make("canvas");
    Paint.image(canvas, state.images.pixels(position));
    pad.showImage(position, canvas);
    setImage(position);
  }

  function setImage(position) {
    const { labels, nameOf, pixels } = state.images;
    state.example = position;
    setInput(pixels(position), labels[position], nameOf(position));
    Demo.Models.showExample();
  }

  function setInput(pixels, label, source) {
    if (pixels) Demo.Sliders.setByHand();
    Paint.image(byId("seen"), pixels);
    state.cards.forEach((card) => card.setInput(pixels, label));
    update({ pixels, label, source });
  }

  /* [model, its class] for each card. */
  const classes = () =>
    state.cards.map(({ model, classified }) => {
      if (!model) return ["", "Loading\u2026"];
      return [`${model.title}: `, classified ? Words.classified(classified) : "\u2013"];
    });

  const inWords = () => [state.source, ...classes().map((each) => each.join(""))].join(". ");

  function tell() {
    announce(inWords());
  }

  /* ---- test images ---- */

  function chosen() {
    const found = state.misclassified && state.misclassified.positions;
    return byId("misclassified").checked && found ? found : state.images.all;
  }

  function stepBy(step) {
    const among = chosen();
    const at = among.indexOf(pad.image ?? state.example);
    const from = at >= 0 ? at : step > 0 ? -1 : 0;
    showImage(among[(from + step + among.length) % among.length]);
    tell();
  }

  function showRandom() {
    const others = chosen().filter((each) => each !== pad.image);
    const among = others.length ? others : chosen();
    showImage(among[Math.floor(Math.random() * among.length)]);
    tell();
  }

  function listen() {
    const actions = {
      undo: () => pad.undo(),
      clear: () => pad.clear(),
      previous: () => stepBy(-1),
      next: () => stepBy(1),
      random: showRandom,
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    byId("misclassified").checked = false;
    byId("misclassified").addEventListener("change", ({ target }) => {
      if (target.checked && !chosen().includes(pad.image)) showRandom();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
        pad.undo();
        event.preventDefault();
      }
    });
  }

  return { pad, classes, inWords, showImage, tell, listen };
})();
