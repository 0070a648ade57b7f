"use strict";
/* What the page shows, in one object. Whoever changes it says so by `update`, which lets `render` of
   page.js write all shared controls anew, and the address follow. What belongs to one model only is
   in its card. */

Demo.state = {
  entries: [], // what the menu says of each model
  images: null, // the test images, once they are there
  started: false, // whether what the address wants is shown
  source: "", // of the input, in words
  pixels: null, // of the input
  label: null, // of the input, where it is known
  example: null, // the position of the test image that the explanation goes through
  cards: [], // the models beside one another
  pure: null, // the class at whose pure image all sliders stand
  latent: null, // whose card is shown: the `name` of its model, and its number
  playing: false, // whether the morph is
  live: { seed: 1, mask: true, floor: true, gate: false, rate: 0.005, wrong: 0 }, // what "Train it here" is set to
  training: false, // whether it trains
  slow: false, // one image at a time
  misclassified: null, // by the first model: its `model`, and `positions` once they are known
};

Demo.update = (changes = {}) => {
  Object.assign(Demo.state, changes);
  Demo.render();
  Demo.Address.keep();
};

/* For who cannot see it. */
Demo.announce = (text) => {
  Demo.byId("announcement").textContent = text;
};
