"use strict";
/* Small autoencoders that learn in the page. Numbers only: live.js shows them.

   A network is four layers, pixels to hidden units to latents and back, with ReLU on hidden units and
   latents. Each image costs, summed over pixels, the cross-entropy of its reconstruction, and `REST`
   times its squared means, which keeps latents at rest that the image does not need. */

Demo.LiveModel = (() => {
  const HIDDEN = 64;
  const BATCH = 20; // images between two changes of the weights
  const REST = 0.2;
  const NOISE = 1; // standard deviation of what is added to the means in training
  const [FLOOR, CEILING, REVERSED] = [5, 2, -10];
  const [DECAY, SQUARE_DECAY] = [0.9, 0.99]; // of Adam's moments

  /* The mask: of an image's gradient only its label latent lets any through. */
  const route = (gradient, isLabel, mask) => (isLabel || !mask ? gradient : 0);

  /* Floor and gate. Descent moves a latent against its gradient: one above 0 lowers it. */
  function gate(gradient, value, isLabel, switches) {
    const lowers = switches.floor && isLabel && value < FLOOR && gradient > 0;
    const raises = switches.gate && !isLabel && value > CEILING && gradient < 0;
    return lowers || raises ? (switches.gate ? REVERSED : 0) * gradient : gradient;
  }

  /* Numbers in [0, 1) from a seed: Tommy Ettinger's mulberry32. */
  function randomFrom(seed) {
    let state = seed | 0;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

  /* Weights (output, input + 1): the last of a row is its bias. */
  function layerOf(inputs, outputs, random) {
    const weights = Float32Array.from({ length: outputs * (inputs + 1) }, (_, i) =>
      (i + 1) % (inputs + 1) === 0 ? 0 : (2 * random() - 1) * Math.sqrt(6 / (inputs + outputs)));
    const [gradient, moment, square] = [0, 0, 0].map(() => new Float32Array(weights.length));
    return { inputs, outputs, weights, gradient, moment, square };
  }

  /* An untrained network; the same seed gives the same one. */
  function create(pixels, latents, seed) {
    const random = randomFrom(seed);
    const sizes = [pixels, HIDDEN, latents, HIDDEN, pixels];
    return {
      layers: sizes.slice(1).map((size, i) => layerOf(sizes[i], size, random)),
      steps: 0,
      seen: 0, // images since the last step
    };
  }

  /* Where something is: images and ReLU give many zeros, and nothing comes of them either way. */
  function lit(input) {
    const places = [];
    for (let i = 0; i < input.length; i++) if (input[i] !== 0) places.push(i);
    return places;
  }

  function forward({ inputs, outputs, weights }, input, activate) {
    const output = new Float64Array(outputs);
    const places = lit(input);
    for (let row = 0, at = 0; row < outputs; row++, at += inputs + 1) {
      let sum = weights[at + inputs];
      for (let i = 0; i < places.length; i++) sum += weights[at + places[i]] * input[places[i]];
      output[row] = activate(sum);
    }
    return output;
  }

  /* Add to the layer's gradient; returns that of its input, which comes from ReLU. */
  function backward({ inputs, outputs, weights, gradient }, input, delta) {
    const back = new Float64Array(inputs);
    const places = lit(input);
    for (let row = 0, at = 0; row < outputs; row++, at += inputs + 1) {
      const each = delta[row];
      if (each === 0) continue;
      for (let i = 0; i < places.length; i++) {
        gradient[at + places[i]] += each * input[places[i]];
        back[places[i]] += each * weights[at + places[i]];
      }
      gradient[at + inputs] += each;
    }
    return back;
  }

  const relu = (x) => (x > 0 ? x : 0);
  const same = (x) => x;
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));
  const throughRelu = (gradient, output) => gradient.map((each, i) => (output[i] > 0 ? each : 0));

  const encode = ({ layers: [first, second] }, pixels) => forward(second, forward(first, pixels, relu), same);
  const decode = ({ layers: [, , third, fourth] }, latents) => forward(fourth, forward(third, latents, relu), sigmoid);

  /* What an image costs; `noise` (latent) is added to its means. */
  function lossOf(network, pixels, noise) {
    const means = encode(network, pixels);
    const decoded = decode(network, means.map((mean, i) => relu(mean + noise[i])));
    const entropy = decoded.reduce((sum, each, i) => sum - Math.log(pixels[i] > 0 ? each : 1) * pixels[i] - Math.log(1 - each) * (1 - pixels[i]), 0);
    return entropy + REST * means.reduce((sum, mean) => sum + mean * mean, 0);
  }

  /* Add an image's gradient to that of the network. `label` says which latent is its own. Returns
     what reaches each latent from the decoder (`asked`), and what is let through (`passed`). */
  function learnFrom(network, pixels, label, noise, switches) {
    const [first, second, third, fourth] = network.layers;
    const inner = forward(first, pixels, relu);
    const means = forward(second, inner, same);
    const latents = means.map((mean, i) => relu(mean + noise[i]));
    const outer = forward(third, latents, relu);
    const decoded = forward(fourth, outer, sigmoid);
    const ofOuter = backward(fourth, outer, decoded.map((each, i) => each - pixels[i]));
    const asked = backward(third, latents, throughRelu(ofOuter, outer));
    const passed = asked.map((each, i) => gate(route(each, i === label, switches.mask), latents[i], i === label, switches));
    const ofMeans = throughRelu(passed, latents).map((each, i) => each + 2 * REST * means[i]);
    backward(first, pixels, throughRelu(backward(second, inner, ofMeans), inner));
    network.seen++;
    if (network.seen === BATCH) step(network, switches.rate);
    return { asked, passed };
  }

  /* Adam (Kingma & Ba 2015), with the mean gradient of the images since the last step. */
  function step(network, rate) {
    network.steps++;
    const size = (rate * Math.sqrt(1 - SQUARE_DECAY ** network.steps)) / (1 - DECAY ** network.steps);
    for (const { weights, gradient, moment, square } of network.layers) {
      for (let i = 0; i < weights.length; i++) {
        const each = gradient[i] / network.seen;
        moment[i] += (1 - DECAY) * (each - moment[i]);
        square[i] += (1 - SQUARE_DECAY) * (each * each - square[i]);
        weights[i] -= (size * moment[i]) / (Math.sqrt(square[i]) + 1e-8);
        gradient[i] = 0;
      }
    }
    network.seen = 0;
  }

  const largestOf = (values) => values.indexOf(Math.max(...values));
  const medianOf = (values) => Float64Array.from(values).sort()[values.length >> 1];
  const squaredError = (one, two) => one.reduce((sum, each, i) => sum + (each - two[i]) ** 2, 0);

  /* Two networks of the same initial weights that see the same images with the same noise. The
     switches are the first one's; nothing routes the gradient of the second. `images` are pixels and
     labels: the first `trained` of them teach, the others are held out. */
  class Session {
    constructor({ pixels, labels, trained }, latents, seed) {
      const random = randomFrom(seed + 1);
      this.pixels = pixels;
      this.labels = labels;
      this.trained = trained;
      this.latents = latents;
      this.random = random;
      this.networks = [0, 1].map(() => create(pixels[0].length, latents, seed));
      // Below the share of wrong labels an image has another one, the same each time.
      this.luck = Float64Array.from({ length: trained }, random);
      this.others = Uint8Array.from({ length: trained }, () => 1 + Math.floor(random() * (latents - 1)));
      this.seen = 0;
    }

    /* Both learn from an image. Returns which, the label it had, and what `learnFrom` returns of each. */
    learn(switches) {
      const at = Math.floor(this.random() * this.trained);
      const noise = Float64Array.from({ length: this.latents }, () => NOISE * normal(this.random));
      const wrongly = this.luck[at] < switches.wrong ? this.others[at] : 0;
      const label = (this.labels[at] + wrongly) % this.latents;
      const unrouted = { rate: switches.rate };
      this.seen++;
      return { at, label, gradients: this.networks.map((network, i) => learnFrom(network, this.pixels[at], label, noise, i ? unrouted : switches)) };
    }

    /* What a network makes of the held-out images, a yield for each: the share whose largest latent
       is their label's (`accuracy`), the mean squared `error`, by class and latent the mean
       activation (`matrix`), and of each latent what it decodes to (`decoded`) at the highest of
       these, with the others at their medians. */
    *measure(network) {
      const { labels, latents: count, pixels, trained } = this;
      const total = labels.length - trained;
      const all = [];
      let [right, error] = [0, 0];
      for (let at = trained; at < labels.length; at++) {
        const means = encode(network, pixels[at]);
        const latents = means.map(relu);
        all.push(latents);
        right += Number(largestOf(means) === labels[at]);
        error += squaredError(decode(network, latents), pixels[at]);
        yield;
      }
      const matrix = Array.from({ length: count }, (_, label) => {
        const own = all.filter((_, i) => labels[trained + i] === label);
        return Array.from({ length: count }, (_, latent) => own.reduce((sum, each) => sum + each[latent], 0) / Math.max(1, own.length));
      });
      const rest = Float64Array.from({ length: count }, (_, latent) => medianOf(all.map((each) => each[latent])));
      const decoded = Array.from(rest, (_, latent) =>
        decode(network, rest.map((value, i) => (i === latent ? Math.max(...matrix.map((row) => row[latent])) : value))));
      return { accuracy: right / total, error: error / total, matrix, decoded };
    }
  }

  return { BATCH, CEILING, FLOOR, Session, create, gate, learnFrom, lossOf, route };
})();
