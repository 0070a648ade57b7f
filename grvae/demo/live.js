"use strict";
/* Train it here: two small networks learn before one's eyes, in slices that leave the page quick. */

Demo.Live = (() => {
  const { Images, LiveModel, Paint, Words, byId, setAttribute, state, svg, update } = Demo;
  const { classes, count } = Images;
  const SLICE = 8; // milliseconds of a frame
  const MEASURE_EVERY = 1000; // images ...
  const AT_FIRST = 200; // ... and so many until then, so that one sees something soon
  const IMAGE_SECONDS = 0.8; // in slow motion
  const SHOW_MILLISECONDS = 120; // between two gradients that are shown
  const WIDTH = 480;
  const LEFT = Images.hasLongNames ? 80 : 24; // of the matrix, for the names of its rows
  const PITCH = (WIDTH - LEFT) / count;
  const NAMED = count <= 30; // whether rows have names
  const ROW = NAMED ? Math.max(13, 130 / count) : 130 / count;
  const PICTURE = Math.min(40, PITCH - 2);
  // Heights: of the matrix, of what is below it, and of the longest bar.
  const MATRIX = ROW * count;
  const [NAMES, PICTURES, ZERO, BAR] = [MATRIX + 16, MATRIX + 22, MATRIX + 98, 30];
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");

  let images = null; // a promise of them
  let beginning = null; // a promise, while there is no session yet
  let session = null;
  let measuring = null; // a generator, while it is under way
  let points = []; // what was measured, and after how many images
  let last = null; // what was last learned from
  let [frame, shownAt] = [0, 0];

  async function load() {
    const { side, pixels, labels, held_out: heldOut } = await Demo.Data.load("miniatures");
    const bytes = await Demo.Data.inflate(pixels);
    const size = side ** 2;
    const most = bytes.reduce((one, two) => Math.max(one, two), 1);
    const image = (_, at) => Float64Array.from(bytes.subarray(at * size, (at + 1) * size), (byte) => byte / most);
    return { side, labels, trained: labels.length - heldOut, pixels: labels.map(image) };
  }

  /* ---- what is drawn ---- */

  const short = (name) => (name.length > 9 ? `${name.slice(0, 8)}\u2026` : name);
  const columnAt = (latent) => LEFT + PITCH * (latent + 0.5);

  /* One network: class by latent, what each latent decodes to, and the gradient of the last image. */
  class Side {
    constructor(element) {
      this.element = element;
      const each = (build) => classes.map((_, i) => build(i));
      const name = (x, y, text, anchor) => svg("text", { x, y, class: "caption", "text-anchor": anchor }, short(text));
      const cell = (label, latent) =>
        svg("rect", { class: "heat", x: LEFT + PITCH * latent + 1, y: ROW * label + 1, width: PITCH - 2, height: Math.max(1, ROW - 1), "fill-opacity": 0 });
      const bar = (kind, width) => (latent) => svg("rect", { class: kind, x: columnAt(latent) - width / 2, width, y: ZERO, height: 0 });
      this.cells = each((label) => each((latent) => cell(label, latent)));
      this.pictures = each((latent) => svg("image", { x: columnAt(latent) - PICTURE / 2, y: PICTURES, width: PICTURE, height: PICTURE }));
      this.asked = each(bar("asked", 0.8 * PITCH));
      this.passed = each(bar("passed", 0.4 * PITCH));
      this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${ZERO + BAR + 4}`, role: "img", "aria-label": "Not measured yet" },
        svg("rect", { class: "ground", x: LEFT, y: 0, width: WIDTH - LEFT, height: MATRIX + 1 }),
        ...(!NAMED ? [] : each((label) => name(LEFT - 6, ROW * (label + 0.5) + 4, classes[label], "end"))),
        ...this.cells.flat(),
        ...(Images.hasLongNames || !NAMED ? [] : each((latent) => name(columnAt(latent), NAMES, classes[latent], "middle"))),
        ...this.pictures,
        svg("path", { class: "zero-line", d: `M${LEFT} ${ZERO}H${WIDTH}` }),
        ...this.asked, ...this.passed);
      element.querySelector(".drawing").append(this.drawing);
    }

    showMeasured({ accuracy, error, matrix, decoded }, side) {
      const most = Math.max(...matrix.flat(), 1e-6);
      matrix.forEach((row, label) => row.forEach((value, latent) => this.cells[label][latent].setAttribute("fill-opacity", (value / most).toFixed(2))));
      decoded.forEach((pixels, latent) => this.pictures[latent].setAttribute("href", Paint.address(pixels, side)));
      const text = `${Words.percent(accuracy)} by the largest latent, squared error ${error.toFixed(1)}`;
      this.element.querySelector(".measured").textContent = text;
      setAttribute(this.drawing, "aria-label", `Mean activation by class and latent, and what each latent decodes to: ${text}`);
    }

    showGradient({ asked, passed }) {
      const most = Math.max(...Array.from(asked, Math.abs), ...Array.from(passed, Math.abs), 1e-9);
      for (const [bars, values] of [[this.asked, asked], [this.passed, passed]]) {
        bars.forEach((bar, latent) => {
          const height = (BAR * values[latent]) / most; // below 0, descent raises the latent
          bar.setAttribute("y", Math.min(ZERO, ZERO + height).toFixed(1));
          bar.setAttribute("height", Math.abs(height).toFixed(1));
        });
      }
    }
  }

  /* A quantity of both networks by images seen. */
  class Curves {
    constructor(element, of, most) {
      this.of = of;
      this.most = most;
      this.lines = ["unrouted", "routed"].map((kind) => svg("path", { class: `curve ${kind}` }));
      element.append(svg("svg", { viewBox: "0 0 480 110", "aria-hidden": "true" }, svg("path", { class: "zero-line", d: "M2 108H478" }), ...this.lines));
    }

    show() {
      const learned = points.filter(({ seen }) => seen > 0); // before, the error is far above
      const most = this.most || Math.max(...learned.flatMap(({ sides: both }) => both.map(this.of)), 1e-6);
      const end = Math.max(points.length ? points[points.length - 1].seen : 0, 10 * MEASURE_EVERY);
      this.lines.forEach((line, i) => {
        const at = ({ seen, sides: both }) =>
          `${(2 + (476 * seen) / end).toFixed(1)} ${(108 - 104 * Math.min(1, this.of(both[1 - i]) / most)).toFixed(1)}`;
        line.setAttribute("d", points.length ? `M${points.map(at).join("L")}` : "");
      });
    }
  }

  const sides = [...byId("live").querySelectorAll(".side")].map((element) => new Side(element));
  const curves = [
    new Curves(byId("live-accuracy"), ({ accuracy }) => accuracy, 1),
    new Curves(byId("live-error"), ({ error }) => error, 0),
  ];

  function showImage() {
    const { at, label } = last;
    byId("live-image").src = Paint.address(session.pixels[at], session.side);
    const wrongly = label === session.labels[at] ? "" : `, wrongly: it is ${classes[session.labels[at]]}`;
    byId("live-label").textContent = `Labelled ${classes[label]}${wrongly}`;
    sides.forEach((side, i) => side.showGradient(last.gradients[i]));
  }

  /* ---- learning ---- */

  /* Networks of the seed, once the images are there. */
  async function begin() {
    images = images || load();
    try {
      const loaded = await images;
      session = Object.assign(new LiveModel.Session(loaded, count, state.live.seed), { side: loaded.side });
      [points, last] = [[], null];
      measure();
      byId("live-problem").textContent = "";
    } catch (error) {
      images = beginning = null; // so that it can be tried again
      byId("live-problem").textContent = error.message;
    }
  }

  async function ready() {
    beginning = session ? null : beginning || begin();
    await beginning;
  }

  function measure() {
    measuring = (function* all() {
      const seen = session.seen;
      const found = [];
      for (const network of session.networks) found.push(yield* session.measure(network));
      points.push({ seen, sides: found });
      found.forEach((each, i) => sides[i].showMeasured(each, session.side));
      curves.forEach((each) => each.show());
    })();
    keepOn();
  }

  function measureEvery() {
    if (state.slow) return LiveModel.BATCH;
    return session.seen < MEASURE_EVERY ? AT_FIRST : MEASURE_EVERY;
  }

  function learn() {
    last = session.learn(state.live);
    if (session.seen % measureEvery() === 0) measure();
  }

  function keepOn() {
    frame = frame || requestAnimationFrame(work);
  }

  /* What is under way, for as much of a frame as may be taken. */
  function work(now) {
    frame = 0;
    const end = performance.now() + SLICE;
    const isDue = now - shownAt > (state.slow ? 1000 * IMAGE_SECONDS : SHOW_MILLISECONDS);
    if (state.training && state.slow && isDue) learn();
    while (performance.now() < end && (measuring || (state.training && !state.slow))) {
      if (measuring && measuring.next().done) measuring = null;
      else if (!measuring) learn();
    }
    if (last && state.training && isDue && (state.slow || !isStill.matches)) {
      shownAt = now;
      showImage();
    }
    byId("live-seen").textContent = `${session.seen.toLocaleString("en")} image${session.seen === 1 ? "" : "s"} seen`;
    if (measuring || state.training) keepOn();
  }

  async function play() {
    if (state.training) return pause();
    await ready();
    if (!session) return undefined;
    update({ training: true });
    return keepOn();
  }

  function pause() {
    if (!state.training) return;
    update({ training: false });
    if (last) showImage();
  }

  async function stepOnce() {
    pause();
    await ready();
    if (!session) return;
    learn();
    showImage();
    keepOn();
  }

  /* What the controls say; another seed begins anew. */
  async function set(live) {
    const isNew = live.seed !== state.live.seed;
    update({ live });
    if (isNew && session) await begin();
  }

  /* ---- controls ---- */

  const SWITCHES = ["mask", "floor", "gate"];

  function render() {
    const { live, slow, training } = state;
    byId("live-play").textContent = training ? "Pause" : "Train";
    byId("live-slow").checked = slow;
    byId("live-method").textContent = live.mask ? "Routed" : live.gate ? "Gated" : "Mask off";
    for (const name of SWITCHES) byId(`live-${name}`).checked = live[name];
    byId("live-rate").value = String(live.rate);
    byId("live-wrong").value = String(100 * live.wrong);
    byId("live-wrong").style.setProperty("--fill", `${250 * live.wrong}%`);
    byId("live-wrong-share").textContent = `${Math.round(100 * live.wrong)} %`;
    if (document.activeElement !== byId("live-seed")) byId("live-seed").value = String(live.seed);
  }

  function listen() {
    byId("live-route").textContent = `route = ${LiveModel.route}`;
    for (const each of byId("live").querySelectorAll("[disabled]")) each.disabled = false;
    byId("live-play").addEventListener("click", play);
    byId("live-step").addEventListener("click", stepOnce);
    byId("live-again").addEventListener("click", begin);
    byId("live-slow").addEventListener("change", () => update({ slow: byId("live-slow").checked }));
    for (const name of SWITCHES) byId(`live-${name}`).addEventListener("change", (event) => set({ ...state.live, [name]: event.target.checked }));
    byId("live-rate").addEventListener("change", () => set({ ...state.live, rate: Number(byId("live-rate").value) }));
    byId("live-wrong").addEventListener("input", () => set({ ...state.live, wrong: byId("live-wrong").valueAsNumber / 100 }));
    byId("live-seed").addEventListener("change", () => {
      const seed = Math.min(999, Math.max(0, Math.round(byId("live-seed").valueAsNumber) || 0));
      byId("live-seed").value = String(seed);
      set({ ...state.live, seed });
    });
    document.addEventListener("visibilitychange", () => document.hidden && pause());
    // On screen is what reaches into its middle: only then is it worth the images and the work.
    const onScreen = (seen) => (seen[seen.length - 1].isIntersecting ? ready() : pause());
    new IntersectionObserver(onScreen, { rootMargin: "-30% 0px" }).observe(byId("live"));
  }

  return { get session() { return session; }, get points() { return points; }, listen, render, set };
})();
