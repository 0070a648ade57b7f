"use strict";
/* What moves the sliders of all models at once. */

Demo.Sliders = (() => {
  const { Images, announce, byId, make, setAttribute, state, update } = Demo;
  const morph = new Demo.Morph(showMorph, showPlaying);
  const ready = () => state.cards.filter((card) => card.model);

  /* Whoever moves the latents stops the morph; `pure` is the class whose pure image is now shown, if any. */
  function setByHand(pure = null) {
    morph.pause();
    byId("morph-state").textContent = "";
    update({ pure });
  }

  function showPure(label) {
    setByHand(label);
    morph.position = label;
    for (const card of ready()) card.setLatents(card.model.latents.pure[label]);
    announce(`Latents of a pure ${Images.classes[label]}`);
  }

  function showMorph(at) {
    const [from, part] = [Math.floor(at), at % 1];
    const to = (from + 1) % Images.count;
    const text = `${Images.classes[from]} \u2192 ${Images.classes[to]}`;
    if (byId("morph-state").textContent !== text) byId("morph-state").textContent = text;
    for (const card of ready()) {
      const { pure: ends } = card.model.latents;
      card.setLatents(ends[from].map((value, i) => value + part * (ends[to][i] - value)), { settled: false });
    }
  }

  function showPlaying(playing) {
    update({ playing });
    if (!playing) state.cards.forEach((card) => card.settle());
  }

  function togglePlay() {
    if (state.playing) return morph.pause();
    setByHand();
    return morph.play();
  }

  function setSpeed() {
    const slider = byId("speed");
    morph.speed = slider.valueAsNumber;
    slider.style.setProperty("--fill", `${(100 * (slider.value - slider.min)) / (slider.max - slider.min)}%`);
    setAttribute(slider, "aria-valuetext", `${slider.value} ${Images.words.nouns} a second`);
  }

  function reset() {
    setByHand();
    for (const card of ready()) card.setLatents(card.model.latents.rest);
    announce("All latents at their medians");
  }

  function encode() {
    setByHand();
    state.cards.forEach((card) => card.encode());
    announce(Demo.Input.inWords());
  }

  /* A touch on a slider may turn into a scroll: then it moves no slider, and stops no morph. */
  function keepUnderScroll() {
    let takeBack = null;
    document.addEventListener("pointerdown", (event) => {
      const target = /** @type {HTMLInputElement} */ (event.target);
      if (target.type !== "range" || target.disabled) return;
      const { pure, playing } = state;
      const speed = byId("speed").value;
      const before = ready().map((card) => [card, card.model, card.latents.slice(), card.reconstructs]);
      takeBack = () => {
        for (const [card, model, latents, reconstructs] of before) {
          if (card.model === model) card.setLatents(latents, { reconstructs });
        }
        byId("speed").value = speed;
        setSpeed();
        update({ pure });
        if (playing) morph.play();
      };
    });
    document.addEventListener("pointerup", () => (takeBack = null));
    document.addEventListener("pointercancel", () => {
      if (takeBack) takeBack();
      takeBack = null;
    });
  }

  function listen() {
    Images.classes.forEach((name, label) => {
      const button = make("button", { type: "button", disabled: true }, name);
      button.setAttribute("aria-label", `Pure ${name}`);
      button.addEventListener("click", () => showPure(label));
      byId("pure").append(button);
    });
    byId("encode").addEventListener("click", encode);
    byId("reset").addEventListener("click", reset);
    byId("play").addEventListener("click", togglePlay);
    byId("speed").addEventListener("input", setSpeed);
    keepUnderScroll();
    setSpeed();
  }

  return { morph, setByHand, showPure, listen };
})();
