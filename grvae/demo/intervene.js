"use strict";
/* Change single latents of a card on purpose, and say what that does to the drawing: the model
   reads its own drawing before and after. */

class Intervention {
  constructor(card) {
    this.card = card;
    const find = (selector) => card.find(`.intervene ${selector}`);
    [this.which, this.other, this.donor] = [".which", ".other", ".donor"].map(find);
    this.effect = find(".effect");
    for (const menu of [this.which, this.other, this.donor]) {
      menu.append(...Array.from({ length: 10 }, (_, i) => make("option", { value: i }, String(i))));
      menu.autocomplete = "off";
    }
    find(".to-rest").addEventListener("click", () => this.toRest());
    find(".swap").addEventListener("click", () => this.swap());
    find(".copy").addEventListener("click", () => this.copy());
  }

  reset() {
    this.effect.textContent = "";
    this.which.value = 7;
    this.other.value = 1;
    this.donor.value = 3;
  }

  toRest() {
    const latent = Number(this.which.value);
    this.apply(`Latent ${latent} to rest`, (latents) => {
      latents[latent] = this.card.model.latents.rest[latent];
    });
  }

  swap() {
    const [one, two] = [Number(this.which.value), Number(this.other.value)];
    this.apply(`Latents ${one} and ${two} swapped`, (latents) => {
      [latents[one], latents[two]] = [latents[two], latents[one]];
    });
  }

  async copy() {
    const [latent, digit] = [Number(this.which.value), Number(this.donor.value)];
    const digits = await Digits.load();
    const donors = digits.all.filter((each) => digits.labels[each] === digit);
    if (!donors.length) return;
    const donor = donors[Math.floor(Math.random() * donors.length)];
    const { model } = this.card;
    const value = model.activate(model.encode(digits.pixels(donor)))[latent];
    this.apply(`Latent ${latent} copied from test digit ${digits.numbers[donor]}, a ${digit}`, (latents) => {
      latents[latent] = value;
    });
  }

  apply(what, change) {
    const { card } = this;
    const before = this.state();
    const latents = Float32Array.from(card.latents);
    change(latents);
    card.handlers.onSlide(card);
    card.setLatents(latents);
    const after = this.state();
    const reading =
      before.reading === after.reading
        ? `the drawing is still read as ${after.reading}`
        : `the drawing is now read as ${after.reading}, before as ${before.reading}`;
    const error = card.pixels ? `; squared error ${before.error} \u2192 ${after.error}` : "";
    this.effect.textContent = `${what}: ${reading}${error}.`;
  }

  state() {
    const { card } = this;
    return {
      reading: Model.inWords(card.model.read(card.decoded)),
      error: card.pixels && card.error.toFixed(1),
    };
  }
}
