"use strict";
/* The trained networks' forward pass, on plain Float32Arrays. It is checked against PyTorch. */

const Network = (() => {
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  const HIDDEN_ACTIVATIONS = {
    none: (x) => x,
    relu: (x) => Math.max(0, x),
    silu: (x) => x * sigmoid(x),
  };

  const LATENT_ACTIVATIONS = {
    none: (x) => x,
    relu: (x) => Math.max(0, x),
    softplus: (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
    abs: Math.abs,
  };

  function bytesOf(base64) {
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  /* Numbers are little-endian, whatever the machine is. */
  function readIntegers(base64) {
    const view = new DataView(bytesOf(base64).buffer);
    return Int16Array.from({ length: view.byteLength / 2 }, (_, i) => view.getInt16(2 * i, true));
  }

  function readFloats(base64) {
    const view = new DataView(bytesOf(base64).buffer);
    return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  const readLayer = (layer) => ({
    ...layer,
    weights: readIntegers(layer.weights),
    scale: readFloats(layer.scale),
    bias: readFloats(layer.bias),
    activate: HIDDEN_ACTIVATIONS[layer.activation],
  });

  /* weights: (output, input) row by row, to be multiplied by the row's scale. */
  function runLayer({ inputs, outputs, weights, scale, bias, activate }, input) {
    const output = new Float32Array(outputs);
    for (let row = 0, at = 0; row < outputs; row++) {
      let sum = 0;
      for (let column = 0; column < inputs; column++) sum += weights[at++] * input[column];
      output[row] = activate(bias[row] + scale[row] * sum);
    }
    return output;
  }

  const runLayers = (layers, input) => layers.reduce((x, layer) => runLayer(layer, x), input);

  return {
    bytesOf,

    read: (description) => ({
      encoder: description.encoder.map(readLayer),
      decoder: description.decoder.map(readLayer),
      activate: LATENT_ACTIVATIONS[description.latent_act],
    }),

    /* 784 pixels in [0, 1] to the mean of each latent. */
    encode: (network, pixels) => runLayers(network.encoder, pixels),

    /* What the decoder takes, from what the encoder gives. */
    activate: (network, means) => means.map(network.activate),

    /* Activated latents to 784 pixels in [0, 1]. */
    decode: (network, latents) => runLayers(network.decoder, latents).map(sigmoid),

    indexOfLargest: (values) => values.indexOf(Math.max(...values)),
  };
})();
