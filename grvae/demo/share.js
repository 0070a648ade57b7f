"use strict";
/* What the page shows, as the part of its address after the #, and back. Everything is optional:

   m=routed-10,baseline-10   the models, in order
   d=812                     a test image, by its number in the test split
   s=...                     or a drawing: strokes split by ".", two characters a coordinate
   z0=0.52_1.2_...           the sliders of the first model, where they do not follow the input
   p=7                       or a class's pure image, by its place among the classes
   live=1_mf_0.005_20        "Train it here": seed, mask, floor and gate, learning rate, % of wrong labels
   l=routed-10_7             the card of a model's latent
   view=map                  the section to show
   embed=1                   and nothing else */

Demo.Share = (() => {
  const { Images, Ink, Pad, make } = Demo;
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const VIEWS = ["learn", "live", "try", "atlas", "latent", "map"];
  const UNTOUCHED = Demo.state.live;
  const SWITCHES = { m: "mask", f: "floor", g: "gate" };
  const MOST_POINTS = 2000;

  function writeStrokes(strokes) {
    let points = 0;
    return strokes
      .map((stroke) => straightened(stroke))
      .filter((stroke) => (points += stroke.length) <= MOST_POINTS)
      .map((stroke) => stroke.flatMap(({ x, y }) => [x, y]).map(writeCoordinate).join(""))
      .join(".");
  }

  function writeCoordinate(value) {
    const whole = Math.round(value * Pad.GRID);
    return ALPHABET[whole >> 6] + ALPHABET[whole & 63];
  }

  /* Null for what no page wrote. */
  function readStrokes(text) {
    const strokes = text.split(".").map((part) => {
      const points = [];
      for (let at = 0; at + 4 <= part.length; at += 4) {
        const [a, b, c, d] = [...part.slice(at, at + 4)].map((each) => ALPHABET.indexOf(each));
        if (Math.min(a, b, c, d) < 0) return [];
        points.push(Pad.at((64 * a + b) / Pad.GRID, (64 * c + d) / Pad.GRID));
      }
      return points.slice(0, MOST_POINTS);
    });
    const drawn = strokes.filter((stroke) => stroke.length);
    return drawn.length ? drawn : null;
  }

  /* Leave out points that lie on the way between others, to within half a step of the grid
     (Douglas and Peucker 1973). */
  function straightened(points) {
    const kept = new Set([0, points.length - 1]);
    const spans = [[0, points.length - 1]];
    while (spans.length) {
      const [first, last] = spans.pop();
      let [farthest, distance] = [0, 0.75 / Pad.GRID];
      for (let i = first + 1; i < last; i++) {
        const away = Ink.distanceToSegment(points[i].x, points[i].y, points[first], points[last]);
        if (away > distance) [farthest, distance] = [i, away];
      }
      if (farthest) {
        kept.add(farthest);
        spans.push([first, farthest], [farthest, last]);
      }
    }
    return points.filter((_, i) => kept.has(i));
  }

  function writeLive(live) {
    const on = Object.keys(SWITCHES).filter((letter) => live[SWITCHES[letter]]);
    return [live.seed, on.join(""), live.rate, Math.round(100 * live.wrong)].join("_");
  }

  /* As it is at first for what no page wrote. */
  function readLive(text) {
    const [, seed, on, rate, wrong] = /^(\d{1,3})_(m?f?g?)_(0\.\d{1,4})_([0-3]?\d|40)$/.exec(text) || [];
    if (!seed) return UNTOUCHED;
    const switches = Object.entries(SWITCHES).map(([letter, name]) => [name, on.includes(letter)]);
    return { ...UNTOUCHED, seed: Number(seed), rate: Number(rate), wrong: Number(wrong) / 100, ...Object.fromEntries(switches) };
  }

  function readLatent(text) {
    const [, name, latent] = /^(.+)_(\d{1,2})$/.exec(text) || [];
    return name && Number(latent) < Images.count ? { name, latent: Number(latent) } : null;
  }

  /**
   * What a link holds.
   * @typedef {{
   *   models?: string[], image?: number | null, strokes?: { x: number, y: number }[][] | null,
   *   sliders?: (ArrayLike<number> | null)[], pure?: number | null, live?: typeof UNTOUCHED,
   *   latent?: { name: string, latent: number } | null, view?: string | null, embed?: boolean,
   * }} Shown
   */

  /** @param {Shown} shown */
  function write({ models, image, strokes, sliders, pure, live, latent, view, embed }) {
    const parts = [];
    if (models) parts.push(["m", models.join(",")]);
    if (strokes && strokes.length) parts.push(["s", writeStrokes(strokes)]);
    else if (image !== null && image !== undefined) parts.push(["d", image]);
    (sliders || []).forEach((latents, card) => {
      if (latents) parts.push([`z${card}`, Array.from(latents, (each) => +each.toFixed(3)).join("_")]);
    });
    if (pure !== null && pure !== undefined) parts.push(["p", pure]);
    if (live && writeLive(live) !== writeLive(UNTOUCHED)) parts.push(["live", writeLive(live)]);
    if (latent) parts.push(["l", `${latent.name}_${latent.latent}`]);
    if (view) parts.push(["view", view]);
    if (embed) parts.push(["embed", 1]);
    return parts.length ? `#${parts.map((part) => part.join("=")).join("&")}` : "";
  }

  /** @returns {Shown} */
  function read(hash) {
    const parts = new Map(
      hash.replace(/^#/, "").split("&").map((part) => [part.split("=")[0], part.slice(part.indexOf("=") + 1)]),
    );
    const whole = (key) => (/^\d{1,6}$/.test(parts.get(key) || "") ? Number(parts.get(key)) : null);
    const sliders = [0, 1, 2, 3].map((card) => {
      const values = (parts.get(`z${card}`) || "").split("_").map(Number);
      return values.length === Images.count && values.every((each) => Math.abs(each) < 1000) ? values : null;
    });
    const latent = readLatent(parts.get("l") || "");
    const views = VIEWS.filter((view) => view !== "latent" || latent);
    return {
      models: parts.has("m") ? parts.get("m").split(",") : null,
      image: whole("d"),
      strokes: parts.has("s") ? readStrokes(parts.get("s")) : null,
      sliders,
      pure: whole("p") !== null && whole("p") < Images.count ? whole("p") : null,
      live: readLive(parts.get("live") || ""),
      latent,
      view: views.find((view) => view === parts.get("view")) || null,
      embed: parts.get("embed") === "1",
    };
  }

  /* A page opened by double click may not be given the clipboard: then the old way is tried. */
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = make("textarea", { value: text, className: "hidden" });
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  }

  return { write, read, copy };
})();
