"use strict";
/* Traversals: a row for each latent, by nine values of it, all others at their medians. A click sets the
   sliders, and one on a row's name shows the card of its latent. */

Demo.Atlas = (() => {
  const { Images, Paint, Words, make } = Demo;
  const VALUES = 9;

  /* The latents of each picture of a row. */
  function traversal(model, latent) {
    const { rest, own_low: low, own_high: high } = model.latents;
    return Array.from({ length: VALUES }, (_, step) => {
      const latents = Float32Array.from(rest);
      latents[latent] = low[latent] + ((high[latent] - low[latent]) * step) / (VALUES - 1);
      return latents;
    });
  }

  /* `onPick(model, latents)` for a picture, `onName(model, latent)` for the name of a row. */
  function build(model, onPick, onName) {
    const cells = Images.classes.flatMap((_, latent) => {
      const name = model.labelled ? model.nameOf(latent) : `${latent} \u2192 ${model.classOf(latent)}`;
      const which = `latent ${model.nameOf(latent)}`;
      return [
        cell("row-name", `Card of ${which}, ${model.title}`, name, () => onName(model, latent)),
        ...traversal(model, latent).map((latents) => {
          const canvas = make("canvas", { className: "image" });
          Paint.image(canvas, model.decode(latents));
          const words = `${Words.capitalised(which)} at ${Words.decimal(latents[latent])}, ${model.title}`;
          return cell("cell", words, canvas, () => onPick(model, latents));
        }),
      ];
    });
    moveStop(cells, cells[0]);
    const grid = make("div", { className: "grid" });
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", `Traversals: ${model.title}. Arrow keys move.`);
    grid.append(...cells);
    grid.addEventListener("keydown", (event) => moveFocus(event, cells));
    grid.addEventListener("focusin", (event) => moveStop(cells, event.target));
    const note = model.labelled ? "" : `latent \u2192 the ${Images.words.noun} it fits best`;
    return make("figure", { className: "atlas", dataset: { name: model.name } },
      make("figcaption", {}, make("b", {}, Words.titleOf(model)), ` ${note}`), grid);
  }

  function cell(className, words, content, onClick) {
    const button = make("button", { type: "button", className, title: className === "cell" ? "" : words }, content);
    button.setAttribute("aria-label", words);
    button.addEventListener("click", onClick);
    return button;
  }

  /* Of all cells, the Tab key stops at one. */
  function moveStop(cells, stop) {
    for (const each of cells) each.tabIndex = each === stop ? 0 : -1;
  }

  function moveFocus(event, cells) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -VALUES - 1, ArrowDown: VALUES + 1 };
    if (!(event.key in moves)) return;
    const to = cells[cells.indexOf(document.activeElement) + moves[event.key]];
    event.preventDefault();
    if (to) to.focus();
  }

  return { build, traversal };
})();
