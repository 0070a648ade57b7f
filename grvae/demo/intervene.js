"use strict";
/* Change single latents of a card on purpose, and say what that does to the decoded image: the
   model classifies its own output before and after. */

Demo.Intervention = class Intervention {
  constructor(card) {
    this.card = card;
    const find = (selector) => card.find(`.intervene ${selector}`);
    this.which = find(".which");
    this.other = find(".other");
    this.donor = find(".donor");
    this.effect = find(".effect");
    for (const menu of [this.which, this.other, this.donor]) menu.autocomplete = "off";
    find(".to-median").addEventListener("click", () => this.toMedian());
    find(".swap").addEventListener("click", () => this.swap());
    find(".copy").addEventListener("click", () => this.copy());
  }

  reset() {
    const { classes, count } = Demo.Images;
    const fill = (menu, nameOf, chosen) => {
      menu.replaceChildren(...classes.map((_, i) => Demo.make("option", { value: i }, nameOf(i))));
      menu.value = Math.min(chosen, count - 1);
    };
    fill(this.which, (latent) => this.nameOf(latent), count > 2 ? 7 : 0);
    fill(this.other, (latent) => this.nameOf(latent), 1);
    fill(this.donor, (label) => classes[label], 3);
    this.effect.textContent = "";
  }

  nameOf(latent) {
    return this.card.model.nameOf(latent);
  }

  toMedian() {
    const latent = Number(this.which.value);
    this.apply(`Latent ${this.nameOf(latent)} at its median`, (latents) => {
      latents[latent] = this.card.model.latents.rest[latent];
    });
  }

  swap() {
    const [one, two] = [Number(this.which.value), Number(this.other.value)];
    this.apply(`Latents ${this.nameOf(one)} and ${this.nameOf(two)} swapped`, (latents) => {
      [latents[one], latents[two]] = [latents[two], latents[one]];
    });
  }

  async copy() {
    const [latent, label] = [Number(this.which.value), Number(this.donor.value)];
    const images = await Demo.TestImages.load();
    const donors = images.all.filter((each) => images.labels[each] === label);
    if (!donors.length) return;
    const donor = donors[Math.floor(Math.random() * donors.length)];
    const { model } = this.card;
    const value = model.activate(model.encode(images.pixels(donor)))[latent];
    this.apply(`Latent ${this.nameOf(latent)} copied from ${Demo.Words.uncapitalised(images.nameOf(donor))}`, (latents) => {
      latents[latent] = value;
    });
  }

  apply(what, changeLatents) {
    const { card } = this;
    const before = this.state();
    const latents = Float32Array.from(card.latents);
    changeLatents(latents);
    card.handlers.onSlide();
    card.setLatents(latents);
    const after = this.state();
    const change =
      before.classified === after.classified
        ? `the decoded image is still ${after.classified}`
        : `the decoded image is now ${after.classified}, before ${before.classified.replace("classified ", "")}`;
    const error = card.pixels ? `; squared error ${before.error} \u2192 ${after.error}` : "";
    this.effect.textContent = `${what}: ${change}${error}.`;
  }

  state() {
    const { card } = this;
    return {
      classified: Demo.Words.classified(card.model.classify(card.decoded)),
      error: card.pixels && card.error.toFixed(1),
    };
  }
};
