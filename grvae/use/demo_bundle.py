"""What the browser demo needs to know of trained models and test digits, as one JavaScript file.

The page computes everything else itself. Weights are 16-bit integers with one scale a row: as short
as float16, but several times as exact, for a row's weights are of one size. The file is a classic
script with base64 inside, which a page may load by double click as well.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.base.storage import write_atomically
from grvae.measure.sliders import latent_ranges
from grvae.model.images import ImageSet
from grvae.model.vae import VAE

BUNDLE_NAME = "data.js"
TYPICAL_DIGITS = 300
MISREAD_DIGITS = 100
ACTIVATION_NAMES: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.SiLU: "silu"}


@dataclass(frozen=True)
class Run:
    """One trained model and how it came about.

    Attributes:
        variant: its name.
        seed: its run seed.
        recipe: how it was built and trained, by parameter.
        model: the trained model.
        weights_sha256: of the file that it was read from.
        measures: what was measured of it; see `grvae.measure.evaluation.Measures`.
    """

    variant: str
    seed: int
    recipe: Mapping[str, Any]
    model: VAE
    weights_sha256: str
    measures: Mapping[str, Any]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_bundle(runs: Sequence[Run], train: ImageSet, test: ImageSet) -> dict[str, Any]:
    """Everything the page reads, JSON-able.

    Args:
        runs: the models to show side by side; the first decides which digits count as misread.
        train: images that tell the latents' ranges.
        test: images to choose the page's digits from.
    """
    rounded = [round_weights(run.model) for run in runs]
    return {
        "digits": describe_digits(rounded[0], test),
        "models": [describe_run(run, train) for run in runs],
    }


def write_page(folder: Path, sources: Path, bundle: Mapping[str, Any]) -> int:
    """Write the page: its hand-written sources, copied, and the bundle; returns its size in bytes.

    Raises:
        GrvaeError: there is no page among the sources.
    """
    if not (sources / "index.html").is_file():
        raise GrvaeError(f"no index.html in {sources}")
    text = json.dumps(bundle, sort_keys=True, separators=(",", ":"), allow_nan=False)
    files = {path.name: path.read_bytes() for path in sorted(sources.iterdir()) if path.is_file()}
    files[BUNDLE_NAME] = f'"use strict";\nconst GRVAE_DATA = {text};\n'.encode()
    for name, content in files.items():
        write_atomically(folder / name, content)
    return sum(len(content) for content in files.values())


@torch.no_grad()
def round_weights(model: VAE) -> VAE:
    """A copy of the model with the weights that the page has."""
    rounded = copy.deepcopy(model)
    for module in rounded.modules():
        if isinstance(module, nn.Linear):
            integers, scale = quantise(module.weight)
            module.weight.copy_(integers * scale[:, None])
    return rounded


def quantise(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights (output, input) to integers (output, input) int16 and a scale (output,).

    The largest weight of a row becomes 32767 or -32767; the weights are integers times scale.
    """
    largest = weights.detach().abs().amax(dim=1)
    scale = torch.where(largest > 0, largest, 1) / torch.iinfo(torch.int16).max
    return (weights.detach() / scale[:, None]).round().to(torch.int16), scale


@torch.no_grad()
def describe_digits(model: VAE, test: ImageSet) -> dict[str, Any]:
    """Test digits, evenly taken from the whole split, and more of those that the model misreads.

    Returns:
        pixels: base64 of (image, 784) uint8.
        labels: label (image,).
        numbers: number (image,) of each within the test split, from 0.
        typical: how many stand first that were taken without regard to the model.
        misread: positions of those whose largest mean is not their label's.
    """
    misread = model.encode(test.pixels)[0].argmax(dim=1) != test.labels
    typical = _evenly(torch.arange(len(test)), TYPICAL_DIGITS)
    more = misread.clone()
    more[typical] = False
    numbers = torch.cat([typical, _evenly(more.nonzero().flatten(), MISREAD_DIGITS)])
    pixels = (test.pixels[numbers] * 255).round().to(torch.uint8)
    return {
        "pixels": _base64(pixels.numpy()),
        "labels": test.labels[numbers].tolist(),
        "numbers": numbers.tolist(),
        "typical": len(typical),
        "misread": misread[numbers].nonzero().flatten().tolist(),
    }


@torch.no_grad()
def describe_run(run: Run, train: ImageSet) -> dict[str, Any]:
    """One model as the page reads it.

    Returns:
        The run's identity and measures; `encoder` and `decoder`, each a list of layers;
        `latent_act`; `assignment` of latents to digits; `latents`, the values of
        `grvae.measure.sliders.LatentRanges`; `bars`, the low and high end of all means.
    """
    model, measures = run.model, run.measures
    mean, _ = model.encode(train.pixels)
    ranges = latent_ranges(model.activate(mean), train.labels, measures["assignment"])
    low = torch.minimum(ranges.low, ranges.pure.amin(dim=0))
    high = torch.maximum(ranges.high, ranges.pure.amax(dim=0))
    # A latent that never moves gets a slider that does.
    high = torch.where(high - low < 1e-3, low + 1, high)
    bars = np.percentile(mean.numpy(), (0.1, 99.9))
    return {
        "variant": run.variant,
        "seed": run.seed,
        "recipe": dict(run.recipe),
        "latent_act": model.architecture.latent_act,
        "weights_sha256": run.weights_sha256,
        "measures": {
            name: measures[name]
            for name in (
                "images",
                "argmax_accuracy",
                "assigned_accuracy",
                "squared_error_per_image",
            )
        },
        "assignment": list(measures["assignment"]),
        "encoder": describe_layers([*model.encoder, model.mean_head]),
        "decoder": describe_layers([*model.decoder]),
        "latents": {
            "rest": _rounded(ranges.rest),
            "low": _rounded(low),
            "high": _rounded(high),
            "pure": [_rounded(row) for row in ranges.pure],
        },
        "bars": [min(0.0, float(bars[0])), max(0.0, float(bars[1]))],
    }


def describe_layers(modules: Sequence[nn.Module]) -> list[dict[str, Any]]:
    """Linear layers in order, each with the activation that follows it.

    Returns:
        For each layer `inputs`, `outputs`, `activation` (relu, silu or none), and in base64 and
        little-endian `weights` (output, input) int16, their `scale` (output,) float32 and `bias`
        (output,) float32.

    Raises:
        GrvaeError: a module that the page cannot compute.
    """
    layers = []
    for module, following in pairwise([*modules, nn.Identity()]):
        if isinstance(module, nn.Linear):
            weights, scale = quantise(module.weight)
            layers.append(
                {
                    "inputs": module.in_features,
                    "outputs": module.out_features,
                    "activation": ACTIVATION_NAMES.get(type(following), "none"),
                    "weights": _base64(weights.numpy().astype("<i2")),
                    "scale": _base64(scale.numpy().astype("<f4")),
                    "bias": _base64(module.bias.detach().numpy().astype("<f4")),
                }
            )
        elif type(module) not in ACTIVATION_NAMES:
            raise GrvaeError(f"the page cannot compute a layer of type {type(module).__name__}")
    return layers


def _evenly(candidates: Tensor, count: int) -> Tensor:
    """At most `count` of the candidates, in order and evenly spaced."""
    if len(candidates) <= count:
        return candidates
    return candidates[torch.linspace(0, len(candidates) - 1, count).round().long()]


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
