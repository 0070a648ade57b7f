"""A network as the page reads it: 8-bit weights with one scale a row, in one compressed string."""

import base64
import copy
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.model.vae import VAE

ACTIVATION_NAMES: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.SiLU: "silu"}
Layer = nn.Linear | nn.Conv2d
# They only change how the same numbers are counted.
SHAPES = (nn.Flatten, nn.Unflatten)


@torch.no_grad()
def round_weights(model: VAE) -> VAE:
    """A copy of the model with the weights that the page has."""
    rounded = copy.deepcopy(model)
    for module in rounded.modules():
        if isinstance(module, Layer):
            weights = module.weight
            integers, scale = quantise(weights.flatten(start_dim=1))
            weights.copy_((integers * scale[:, None]).view_as(weights))
    return rounded


def quantise(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights (output, input) to integers (output, input) int8 and a scale (output,).

    The largest weight of a row becomes 127 or -127; the weights are integers times scale.
    """
    largest = weights.abs().amax(dim=1)
    scale = torch.where(largest > 0, largest, 1) / torch.iinfo(torch.int8).max
    return (weights / scale[:, None]).round().to(torch.int8), scale


def describe_layers(modules: Sequence[nn.Module]) -> tuple[list[dict[str, Any]], bytes]:
    """Layers in order, each with the activation that follows it, and their numbers.

    Returns:
        For each layer `kind` (linear or convolution), `inputs`, `outputs` (units or
        channels), `activation` (relu, silu or none), and for convolutions `kernel`, `stride`,
        `padding`, the `side` that comes in and the `out_side` that goes out. The bytes hold, layer
        by layer and little-endian, the rows' scales (output,) float32, the biases (output,)
        float32, and the weights (output, input) int8.

    Raises:
        GrvaeError: a module that the page cannot compute.
    """
    layers: list[dict[str, Any]] = []
    numbers = bytearray()
    side = 0  # that of the images, which stands before the first convolution
    for module, following in pairwise([*modules, nn.Identity()]):
        if isinstance(module, nn.Unflatten):
            side = module.unflattened_size[-1]
        if isinstance(module, SHAPES) or type(module) in ACTIVATION_NAMES:
            continue
        if not isinstance(module, Layer):
            raise GrvaeError(f"has a layer that the page cannot compute: {type(module).__name__}")
        layer: dict[str, Any] = {"activation": ACTIVATION_NAMES.get(type(following), "none")}
        if isinstance(module, nn.Linear):
            layer |= {"kind": "linear", "inputs": module.in_features}
            layer |= {"outputs": module.out_features}
        else:
            layer |= describe_convolution(module, side)
            side = layer["out_side"]
        layers.append(layer)
        weights, scale = quantise(module.weight.detach().flatten(start_dim=1))
        numbers += scale.numpy().astype("<f4").tobytes()
        numbers += module.state_dict()["bias"].numpy().astype("<f4").tobytes()
        numbers += weights.numpy().tobytes()
    return layers, bytes(numbers)


def describe_convolution(module: nn.Conv2d, side: int) -> dict[str, Any]:
    """A convolution of square images, with a square kernel and nothing unusual."""
    kernel, stride, padding = module.kernel_size[0], module.stride[0], int(module.padding[0])
    return {
        "kind": "convolution",
        "inputs": module.in_channels,
        "outputs": module.out_channels,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "side": side,
        "out_side": (side + 2 * padding - kernel) // stride + 1,
    }


def compressed(content: bytes) -> str:
    """Raw deflate, which every browser can undo, in base64."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return base64.b64encode(deflate.compress(content) + deflate.flush()).decode()
