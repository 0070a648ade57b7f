"use strict";
/* The trained networks' forward pass, on plain Float32Arrays. It is checked against PyTorch.
   Images with several channels are flat, too: channel by channel, row by row. */

Demo.Network = (() => {
  const sigmoid = (x) => 1 / (1 + Math.exp(-x));

  const HIDDEN_ACTIVATIONS = {
    none: null,
    relu: (x) => Math.max(0, x),
    silu: (x) => x * sigmoid(x),
  };

  const LATENT_ACTIVATIONS = {
    none: (x) => x,
    relu: (x) => Math.max(0, x),
    softplus: (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
    abs: Math.abs,
  };

  const LAYERS = { linear: runLinear, convolution: runConvolution };

  /* Takes numbers off the front of some bytes; they are little-endian, whatever the machine is. */
  class Reader {
    constructor(bytes) {
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.at = 0;
    }

    floats(count) {
      const start = this.at;
      this.at += 4 * count;
      return Float32Array.from({ length: count }, (_, i) => this.view.getFloat32(start + 4 * i, true));
    }

    /* `rows` rows of 8-bit integers, each to be multiplied by its scale. */
    scaled(rows, columns, scale) {
      const weights = new Float32Array(rows * columns);
      for (let row = 0, i = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, i++) {
          weights[i] = this.view.getInt8(this.at++) * scale[row];
        }
      }
      return weights;
    }
  }

  function readLayer(layer, reader) {
    const scale = reader.floats(layer.outputs);
    const bias = reader.floats(layer.outputs);
    const columns = layer.inputs * (layer.kernel || 1) ** 2;
    const weights = reader.scaled(layer.outputs, columns, scale);
    const activate = HIDDEN_ACTIVATIONS[layer.activation];
    return { ...layer, weights, bias, activate, run: LAYERS[layer.kind] };
  }

  /* weights: (output, input). */
  function runLinear({ inputs, outputs, weights, bias }, input) {
    const output = new Float32Array(outputs);
    for (let row = 0, at = 0; row < outputs; row++) {
      let sum = bias[row];
      for (let column = 0; column < inputs; column++) sum += weights[at++] * input[column];
      output[row] = sum;
    }
    return output;
  }

  /* weights: (output, input, kernel row, kernel column), of square images and kernels. */
  function runConvolution(layer, input) {
    const { inputs, outputs, weights, bias, kernel, stride, padding, side, out_side: outSide } = layer;
    const output = new Float32Array(outputs * outSide ** 2);
    for (let to = 0, at = 0; to < outputs; to++) {
      for (let row = 0; row < outSide; row++) {
        for (let column = 0; column < outSide; column++) {
          output[at++] = bias[to] + tapsAt(to, row * stride - padding, column * stride - padding);
        }
      }
    }
    return output;

    /* What the kernel of one output makes of the image below it; outside the image is nothing. */
    function tapsAt(to, top, left) {
      let sum = 0;
      for (let from = 0; from < inputs; from++) {
        const [image, taps] = [from * side ** 2, (to * inputs + from) * kernel ** 2];
        for (let y = Math.max(0, top); y < Math.min(side, top + kernel); y++) {
          for (let x = Math.max(0, left); x < Math.min(side, left + kernel); x++) {
            sum += weights[taps + (y - top) * kernel + x - left] * input[image + y * side + x];
          }
        }
      }
      return sum;
    }
  }

  function runLayers(layers, input) {
    return layers.reduce((x, layer) => {
      const output = layer.run(layer, x);
      return layer.activate ? output.map(layer.activate) : output;
    }, input);
  }

  return {
    read(description, bytes) {
      const reader = new Reader(bytes);
      return {
        encoder: description.encoder.map((layer) => readLayer(layer, reader)),
        decoder: description.decoder.map((layer) => readLayer(layer, reader)),
        activate: LATENT_ACTIVATIONS[description.latent_act],
      };
    },

    /* Pixels in [0, 1] to the mean of each latent. */
    encode: (network, pixels) => runLayers(network.encoder, pixels),

    /* What the decoder takes, from what the encoder gives. */
    activate: (network, means) => means.map(network.activate),

    /* Activated latents to pixels in [0, 1]. */
    decode: (network, latents) => runLayers(network.decoder, latents).map(sigmoid),
  };
})();
