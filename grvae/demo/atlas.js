"use strict";
/* Traversals: a row for each latent, by nine values of it, all others at their medians; a click sets the
   sliders. */

Demo.Atlas = (() => {
  const { Images, Paint, Words, make } = Demo;
  const VALUES = 9;

  /* `onPick(model, latents)`. */
  function build(model, onPick) {
    const { rest, own_low: low, own_high: high } = model.latents;
    const cells = Array.from({ length: Images.count * VALUES }, (_, i) => {
      const [latent, step] = [Math.floor(i / VALUES), i % VALUES];
      const latents = Float32Array.from(rest);
      latents[latent] = low[latent] + ((high[latent] - low[latent]) * step) / (VALUES - 1);
      const canvas = make("canvas", { className: "image" });
      const button = make("button", { type: "button", className: "cell", tabIndex: i === 0 ? 0 : -1 }, canvas);
      button.setAttribute("aria-label", `Latent ${model.nameOf(latent)} at ${Words.decimal(latents[latent])}, ${model.title}`);
      Paint.image(canvas, model.decode(latents));
      button.addEventListener("click", () => {
        cells.forEach((cell) => (cell.tabIndex = cell === button ? 0 : -1));
        onPick(model, latents);
      });
      return button;
    });
    const grid = make("div", { className: "grid" });
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", `Traversals: ${model.title}. Arrow keys move.`);
    for (let latent = 0; latent < Images.count; latent++) {
      const name = model.labelled ? model.nameOf(latent) : `${latent} \u2192 ${model.classOf(latent)}`;
      grid.append(make("span", { className: "row-name", title: name, ariaHidden: "true" }, name));
      grid.append(...cells.slice(latent * VALUES, (latent + 1) * VALUES));
    }
    grid.addEventListener("keydown", (event) => moveFocus(event, cells));
    const note = model.labelled ? "" : `latent \u2192 the ${Images.words.noun} it fits best`;
    return make("figure", { className: "atlas", dataset: { name: model.name } },
      make("figcaption", {}, make("b", {}, Words.titleOf(model)), ` ${note}`), grid);
  }

  function moveFocus(event, cells) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -VALUES, ArrowDown: VALUES };
    if (!(event.key in moves)) return;
    const to = cells[cells.indexOf(document.activeElement) + moves[event.key]];
    event.preventDefault();
    if (!to) return;
    cells.forEach((cell) => (cell.tabIndex = cell === to ? 0 : -1));
    to.focus();
  }

  return { build };
})();
