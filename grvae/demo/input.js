"use strict";
/* The input: what is drawn on the pad, or a test digit. */

Demo.Input = (() => {
  const { Ink, Paint, Words, announce, byId, make, state, update } = Demo;
  const pad = new Demo.Pad(byId("pad"), { onChange: showPad, onEnd: tell });

  function showPad() {
    if (pad.digit !== null) setDigit(pad.digit);
    else setInput(Ink.toImage(pad.strokes), null, pad.strokes.length ? "Your drawing" : "Empty pad");
  }

  function showDigit(position) {
    const canvas = make("canvas", { width: Ink.SIDE, height: Ink.SIDE });
    Paint.grey(canvas, state.digits.pixels(position));
    pad.showDigit(position, canvas);
    setDigit(position);
  }

  function setDigit(position) {
    const { labels, numbers, pixels } = state.digits;
    state.example = position;
    setInput(pixels(position), labels[position], `Test digit ${numbers[position]}, a ${labels[position]}`);
    Demo.Models.showExample();
  }

  function setInput(pixels, label, source) {
    if (pixels) Demo.Sliders.setByHand();
    Paint.grey(byId("seen"), pixels);
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

  /* ---- test digits ---- */

  function chosen() {
    const found = state.misclassified && state.misclassified.positions;
    return byId("misclassified").checked && found ? found : state.digits.all;
  }

  function stepBy(step) {
    const among = chosen();
    const at = among.indexOf(pad.digit ?? state.example);
    const from = at >= 0 ? at : step > 0 ? -1 : 0;
    showDigit(among[(from + step + among.length) % among.length]);
    tell();
  }

  function showRandom() {
    const others = chosen().filter((each) => each !== pad.digit);
    const among = others.length ? others : chosen();
    showDigit(among[Math.floor(Math.random() * among.length)]);
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
      if (target.checked && !chosen().includes(pad.digit)) showRandom();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
        pad.undo();
        event.preventDefault();
      }
    });
  }

  return { pad, classes, inWords, showDigit, tell, listen };
})();
