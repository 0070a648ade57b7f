"use strict";
/* The page as a whole: one input, the models beside one another, and what belongs to all of them. */

const Page = (() => {
  const MOST_CARDS = 4;
  const byId = (id) => document.getElementById(id);
  const cards = [];
  let entries = [];
  let digits = null;
  let input = { pixels: null, label: null };
  let pure = null;
  let figure = null;
  let example = null;
  let slots = 0;
  let started = false;

  const pad = new Pad(byId("pad"), { onChange: showPad, onEnd: announce });
  const morph = new Morph(showMorph, showPlaying);
  const map = new EncodingMap(byId("map"), (position) => {
    showDigit(position);
    announce();
  });
  const models = () => cards.map((card) => card.model).filter(Boolean);

  /* ---- the input ---- */

  function showPad() {
    if (pad.digit !== null) setDigit(pad.digit);
    else setInput(Ink.toImage(pad.strokes), null, pad.strokes.length ? "Your drawing" : "Empty pad");
  }

  function showDigit(position) {
    const canvas = make("canvas", { width: Ink.SIDE, height: Ink.SIDE });
    Paint.grey(canvas, digits.pixels(position));
    pad.showDigit(position, canvas);
    setDigit(position);
  }

  function setDigit(position) {
    const label = digits.labels[position];
    example = position;
    setInput(digits.pixels(position), label, `Test digit ${digits.numbers[position]}, a ${label}`);
    showExample();
  }

  function setInput(pixels, label, source) {
    input = { pixels, label };
    if (pixels) setByHand();
    Paint.grey(byId("seen"), pixels);
    setAttribute(byId("seen"), "aria-label", pixels ? "What the encoder sees: 28 by 28 pixels" : "Nothing yet");
    byId("hint").hidden = pixels !== null;
    byId("source").textContent = source;
    cards.forEach((card) => card.setInput(pixels, label));
    showReadings();
    map.setCurrent(pad.digit);
    showButtons();
  }

  /* [model, what it reads] for each card. */
  const readings = () =>
    cards.map(({ model, reading }) => {
      if (!model) return ["", "Loading\u2026"];
      return [`${model.title}: `, reading ? `reads ${Model.inWords(reading)}` : "\u2013"];
    });

  function showReadings() {
    byId("readings").replaceChildren(...readings().map(([name, text]) => make("li", {}, name, make("span", {}, text))));
  }

  function announce() {
    byId("announcement").textContent = [byId("source").textContent, ...readings().map((each) => each.join(""))].join(". ");
    showButtons();
    keepAddress();
  }

  function showButtons() {
    byId("undo").disabled = pad.history.length === 0;
    byId("clear").disabled = pad.empty;
    byId("encode").disabled = !input.pixels || !models().length;
    for (const id of ["previous", "random", "next"]) byId(id).disabled = !digits;
    for (const id of ["reset", "play", "speed", "copy-numbers"]) byId(id).disabled = !models().length;
    for (const id of ["copy-link", "view", "embed"]) byId(id).disabled = !started;
    for (const button of byId("pure").children) {
      button.disabled = !models().length;
      setAttribute(button, "aria-pressed", String(Number(button.textContent) === pure && pure !== null));
    }
    byId("add").disabled = !started;
    byId("add").hidden = cards.length >= Math.min(MOST_CARDS, entries.length);
    cards.forEach((card) => (card.find(".remove").hidden = cards.length < 2));
  }

  /* ---- test digits ---- */

  let misread = null; // of the first card's model, once they are known
  let misreadOf = null;

  function chosen() {
    return byId("misread").checked && misread ? misread : digits.all;
  }

  /* Whenever the first model changes, and when the digits are there: whichever comes last. */
  async function findMisread() {
    const model = cards[0] && cards[0].model;
    if (!model || model === misreadOf) return;
    const label = byId("misread-label");
    label.textContent = `Only those that ${model.title} misreads`;
    if (!digits) return;
    misreadOf = model;
    misread = null;
    byId("misread").disabled = true;
    await new Promise((resolve) => setTimeout(resolve, 200)); // what is in sight comes first
    const found = (await Encodings.of(model)).misread;
    if (misreadOf !== model) return;
    misread = found;
    byId("misread").disabled = found.length === 0;
    if (!found.length) byId("misread").checked = false;
    label.textContent = `Only the ${found.length} that ${model.title} misreads`;
  }

  function stepBy(step) {
    const among = chosen();
    const at = among.indexOf(pad.digit ?? example);
    const from = at >= 0 ? at : step > 0 ? -1 : 0;
    showDigit(among[(from + step + among.length) % among.length]);
    announce();
  }

  function showRandom() {
    const others = chosen().filter((each) => each !== pad.digit);
    const among = others.length ? others : chosen();
    showDigit(among[Math.floor(Math.random() * among.length)]);
    announce();
  }

  /* ---- all sliders at once ---- */

  /* Whoever moves the latents stops the morph; `digit` is the pure one now shown, if any. */
  function setByHand(digit = null) {
    morph.pause();
    byId("morph-state").textContent = "";
    pure = digit;
    showButtons();
  }

  function showPure(digit) {
    setByHand(digit);
    morph.position = digit;
    for (const card of cards) if (card.model) card.setLatents(card.model.latents.pure[digit]);
    byId("announcement").textContent = `Latents of a pure ${digit}`;
    keepAddress();
  }

  function showMorph(at) {
    const [from, part] = [Math.floor(at), at % 1];
    const to = (from + 1) % 10;
    const state = `${from} \u2192 ${to}`;
    if (byId("morph-state").textContent !== state) byId("morph-state").textContent = state;
    for (const card of cards) {
      if (!card.model) continue;
      const { pure: ends } = card.model.latents;
      card.setLatents(ends[from].map((value, i) => value + part * (ends[to][i] - value)), { settled: false });
    }
  }

  function showPlaying(playing) {
    byId("play").textContent = playing ? "Pause" : "Play";
    if (!playing) cards.forEach((card) => card.settle());
  }

  function togglePlay() {
    if (morph.playing) return morph.pause();
    setByHand();
    return morph.play();
  }

  function setSpeed() {
    const slider = byId("speed");
    morph.speed = slider.valueAsNumber;
    slider.style.setProperty("--fill", `${(100 * (slider.value - slider.min)) / (slider.max - slider.min)}%`);
    setAttribute(slider, "aria-valuetext", `${slider.value} digits a second`);
  }

  function reset() {
    setByHand();
    for (const card of cards) if (card.model) card.setLatents(card.model.latents.rest);
    byId("announcement").textContent = "All latents at rest";
  }

  function encode() {
    setByHand();
    cards.forEach((card) => card.encode());
    announce();
  }

  /* ---- models ---- */

  function addCard(name) {
    const card = new Card(slots++, {
      onSlide: () => setByHand(),
      onChoose: choose,
      onRemove: remove,
      onSettle: () => keepAddress(),
    });
    const menu = card.find(".choose");
    for (const entry of entries) menu.append(make("option", { value: entry.name }, Words.titleOf(entry)));
    cards.push(card);
    byId("models").append(card.element);
    return choose(card, name);
  }

  async function choose(card, name) {
    card.wanted = name;
    card.find(".choose").value = name;
    card.model = null;
    card.showWaiting();
    try {
      const model = await Model.load(name);
      if (card.wanted !== name || !cards.includes(card)) return;
      Object.assign(card, input);
      card.setModel(model);
      if (pure !== null) card.setLatents(model.latents.pure[pure]);
      showReadings();
      showModels();
    } catch (error) {
      if (card.wanted === name) card.showProblem(`${error.message} Is the folder complete?`);
    }
  }

  function remove(card) {
    card.wanted = null;
    cards.splice(cards.indexOf(card), 1);
    card.element.remove();
    showReadings();
    showModels();
    byId("add").focus();
  }

  function add() {
    const taken = cards.map((card) => card.wanted);
    const free = entries.find((entry) => !taken.includes(entry.name)) || entries[0];
    return addCard(free.name);
  }

  /* Whatever shows all models, after one came or went. */
  function showModels() {
    const all = models();
    if (all.length) {
      Runs.show(all);
      map.setModels(all);
    }
    const known = new Map([...byId("atlases").children].map((each) => [each.dataset.name, each]));
    byId("atlases").replaceChildren(
      ...[...new Set(all)].map((model) => known.get(model.name) || Atlas.build(model, setFromAtlas)),
    );
    showButtons();
    showExample();
    findMisread();
    keepAddress();
  }

  function setFromAtlas(model, latents) {
    setByHand();
    for (const card of cards) if (card.model && card.model.name === model.name) card.setLatents(latents);
    byId("announcement").textContent = `Sliders of ${model.title} set`;
  }

  /* The example of the explanation: the last test digit, by a model of either method. It is one
     of those that are shown, or else the first of its kind, loaded for this. */
  async function showExample() {
    if (example === null || !figure) return;
    const { method } = figure;
    const [left, right] = await Promise.all([method, "none"].map(modelOf));
    if (figure.method !== method) return;
    figure.setExample(digits.labels[example], digits.pixels(example), left, right);
  }

  async function modelOf(method) {
    const shown = models().find((model) => model.method === method);
    const entry = entries.find((each) => each.method === method);
    if (shown || !entry || !started) return shown;
    // Where it cannot be loaded, the drawing stays without numbers.
    return Model.load(entry.name).catch(() => undefined);
  }

  /* ---- the address ---- */

  function state() {
    const sliders = cards.map((card) =>
      card.model && !(card.reconstructs && input.pixels) && pure === null ? card.latents : null,
    );
    return {
      models: cards.map((card) => card.wanted),
      digit: pad.digit === null || !digits ? null : digits.numbers[pad.digit],
      strokes: pad.strokes,
      sliders,
      pure,
      view: byId("view").value || null,
      embed: byId("embed").checked,
    };
  }

  let written = 0;

  function keepAddress() {
    if (!started || morph.playing) return;
    clearTimeout(written);
    written = setTimeout(writeAddress, 150);
  }

  function writeAddress() {
    history.replaceState(null, "", Share.write(state()) || location.pathname);
  }

  async function applyAddress(wanted) {
    const known = entries.map((entry) => entry.name);
    const names = (wanted.models || []).filter((name) => known.includes(name)).slice(0, MOST_CARDS);
    const first = entries[0];
    const second = entries.find((entry) => entry.variant !== first.variant && entry.method === "none")
      || entries.find((entry) => entry.variant !== first.variant);
    const shown = names.length ? names : [first, second].filter(Boolean).map((entry) => entry.name);
    while (cards.length > shown.length) remove(cards[cards.length - 1]);
    const view = wanted.view;
    document.documentElement.classList.toggle("embed", wanted.embed);
    document.documentElement.dataset.view = view || "";
    byId("view").value = view || "";
    byId("embed").checked = wanted.embed;
    const loading = shown.map((name, i) => {
      if (!cards[i]) return addCard(name);
      return cards[i].wanted === name ? null : choose(cards[i], name);
    });
    showButtons();
    try {
      digits = digits || (await Digits.load());
      findMisread();
    } catch (error) {
      showBanner(`${error.message} Test digits are missing; you can still draw.`);
    }
    if (wanted.strokes) pad.showStrokes(wanted.strokes);
    else if (digits && pad.strokes.length === 0) {
      const found = digits.numbers.indexOf(wanted.digit);
      showDigit(found >= 0 ? found : 0);
    }
    await Promise.all(loading);
    if (wanted.pure !== null) showPure(wanted.pure);
    cards.forEach((card, i) => wanted.sliders[i] && card.model && card.setLatents(wanted.sliders[i]));
    if (view && !wanted.embed) byId(view).scrollIntoView();
  }

  /* A line for each model: its name, and where its ten sliders stand. */
  const numbers = () =>
    cards
      .filter((card) => card.model)
      .map(({ model, latents }) => `${model.name}: ${Array.from(latents, (each) => each.toFixed(3)).join(" ")}`)
      .join("\n");

  async function copy(text, what) {
    const done = await Share.copy(text);
    byId("copied").textContent = done ? `${what} copied` : `The browser lets no page copy; here it is: ${text}`;
  }

  /* A touch on a slider may turn into a scroll: then it moves no slider, and stops no morph. */
  function keepSlidersUnderScroll() {
    let takeBack = null;
    document.addEventListener("pointerdown", ({ target }) => {
      if (target.type !== "range" || target.disabled) return;
      const before = { pure, playing: morph.playing, speed: byId("speed").value };
      const latents = cards.map((card) => [card, card.model, card.latents && card.latents.slice(), card.reconstructs]);
      takeBack = () => {
        for (const [card, model, values, reconstructs] of latents) {
          if (model && card.model === model) card.setLatents(values, { reconstructs });
        }
        byId("speed").value = before.speed;
        setSpeed();
        pure = before.pure;
        if (before.playing) morph.play();
        showButtons();
        keepAddress();
      };
    });
    document.addEventListener("pointerup", () => (takeBack = null));
    document.addEventListener("pointercancel", () => {
      if (takeBack) takeBack();
      takeBack = null;
    });
  }

  /* ---- start ---- */

  function showBanner(text) {
    byId("banner").hidden = !text;
    byId("banner").textContent = text;
  }

  function listen() {
    for (let digit = 0; digit < 10; digit++) {
      const button = make("button", { type: "button", disabled: true }, String(digit));
      button.setAttribute("aria-label", `Pure ${digit}`);
      button.addEventListener("click", () => showPure(digit));
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
      add,
      "copy-link": () => {
        writeAddress();
        copy(location.href, "Link");
      },
      "copy-numbers": () => copy(numbers(), "Numbers"),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    byId("speed").addEventListener("input", setSpeed);
    byId("view").addEventListener("change", writeAddress);
    byId("embed").addEventListener("change", writeAddress);
    byId("misread").addEventListener("change", () => {
      if (byId("misread").checked && !misread.includes(pad.digit)) showRandom();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey) {
        pad.undo();
        event.preventDefault();
      }
    });
    window.addEventListener("hashchange", () => {
      if (location.hash.includes("=")) applyAddress(Share.read(location.hash));
    });
    new IntersectionObserver((seen, observer) => {
      if (!seen.some((each) => each.isIntersecting)) return;
      observer.disconnect();
      map.start();
    }).observe(byId("map"));
    keepSlidersUnderScroll();
    byId("misread").checked = false;
    setSpeed();
  }

  async function start() {
    listen();
    if (!Data.canInflate()) {
      showBanner(`This browser is too old. The page needs ${byId("browsers").textContent}, or later.`);
      document.documentElement.dataset.ready = "false";
      return;
    }
    const index = Data.peek("index");
    if (!index) {
      showBanner("The file data/index.js is missing, so there is no model to ask. Build the page with \u201cmake demo\u201d, and keep all its files together.");
      document.documentElement.dataset.ready = "false";
      return;
    }
    showBanner("");
    entries = index.models;
    Runs.showLeftOut(index.left_out);
    figure = new Routing.Figure(byId("learn"), entries, index, showExample);
    for (const button of byId("learn").querySelectorAll(".steps button")) button.disabled = false;
    await applyAddress(Share.read(location.hash));
    started = true;
    showButtons();
    showExample();
    document.documentElement.dataset.ready = "true";
  }

  start();
  return { cards, pad, morph, map, state, get figure() { return figure; } };
})();
