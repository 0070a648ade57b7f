"use strict";
/* What each step of the explanation speaks of on the live page: outlined while one steps through, and
   a button goes there. Another one, which stays in view until then, comes back. */

Demo.Tour = (() => {
  const { Images, byId, state } = Demo;
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");

  /* The card of a model of the method, or else the first one. */
  const cardOf = ({ method }) => state.cards.find(({ model }) => model && model.method === method) || state.cards[0];

  function rowOf(figure) {
    const card = cardOf(figure);
    return card.rows[card.model ? card.model.assignment.indexOf(figure.label) : figure.label].element;
  }

  const inCard = (name, selector) => ({ name: () => name, find: (figure) => cardOf(figure).find(selector) });
  const aSwitch = (name) => ({ name: () => `the switch \u201c${name}\u201d`, find: () => byId(`live-${name.toLowerCase()}`).closest("label") });

  /* By the step's name, the part of the page, and what it is called. */
  const PARTS = {
    image: Images.drawable
      ? { name: () => "the drawing pad", find: () => byId("pad") }
      : { name: () => "the input", find: () => byId("seen") },
    encode: inCard("the latents", ".latents"),
    decode: inCard("the pictures", ".images"),
    error: inCard("the difference", ".images figure:last-child"),
    through: aSwitch("Mask"),
    many: { name: ({ label }) => `latent ${Images.classes[label]}`, find: rowOf },
  };

  let marked = null;

  function partOf({ step, method, limits }) {
    if (step !== "rule") return PARTS[step];
    if (method === "gated") return aSwitch("Gate");
    return limits[method].floor ? aSwitch("Floor") : PARTS.many;
  }

  function mark(element) {
    if (marked) marked.classList.remove("spoken-of");
    if (element) element.classList.add("spoken-of");
    marked = element;
  }

  /* Whenever the figure shows a step; nothing is outlined before one has stepped. */
  function follow(figure) {
    byId("go-there").textContent = `Go to ${partOf(figure).name(figure)}`;
    if (figure.isUnderWay) mark(partOf(figure).find(figure));
  }

  function go(figure) {
    const part = partOf(figure).find(figure);
    const control = part.querySelector("input") || part;
    if (control.tabIndex < 0) control.tabIndex = -1; // a picture takes the focus, but is no stop of Tab
    mark(part);
    show(control);
    byId("go-back").hidden = false;
  }

  function comeBack() {
    byId("go-back").hidden = true;
    show(byId("go-there"));
  }

  function show(control) {
    control.scrollIntoView({ block: "center", behavior: isStill.matches ? "auto" : "smooth" });
    control.focus({ preventScroll: true });
  }

  /* Whoever uses the rest of the page has left the steps. */
  function listen() {
    byId("go-there").addEventListener("click", () => go(Demo.Models.figure));
    byId("go-back").addEventListener("click", comeBack);
    for (const kind of ["click", "input"]) {
      document.addEventListener(kind, ({ target }) => {
        if (!marked || target === byId("go-back") || byId("learn").contains(/** @type {Node} */ (target))) return;
        Demo.Models.figure.isUnderWay = false;
        mark(null);
      });
    }
  }

  return { follow, listen };
})();
