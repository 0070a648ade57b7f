"""What the browser demo needs to know of trained models and test digits, as JavaScript files.

The page computes everything else itself. It opens with a list of the models and loads each one, and
the digits, when they are first asked for. Weights are 8-bit integers with one scale a row. Every
file is a classic script with compressed bytes in base64, which a page may load by double click too.
"""

import base64
import copy
import hashlib
import inspect
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.base.sizes import DIGITS, SIDE
from grvae.base.storage import write_atomically
from grvae.measure.sliders import latents_of_places, reached_range, read_sliders
from grvae.model.images import ImageSet
from grvae.model.losses import squared_error
from grvae.model.routing import route_gradient
from grvae.model.vae import VAE

DATA_FOLDER = "data"
TEST_DIGITS = 1000
PAGE_BUDGET = 6_000_000  # bytes, with every model
ROOM_FOR_THE_REST = 300_000  # of these, for what is written by hand and the models' descriptions
ACTIVATION_NAMES: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.SiLU: "silu"}
# They only change how the same numbers are counted.
SHAPES = (nn.Flatten, nn.Unflatten)
# An image with a larger error, or more or less ink, than all but a few training images is strange.
STRANGE_PERCENTILE = 99.5
INK_PERCENTILES = (0.1, 99.9)
# Three of four misread training images had a smaller margin than a close reading.
CLOSE_PERCENTILE = 75
MENU_KEYS = ("variant", "seed", "method", "floor", "ceiling")
SLIDER_PERCENTILES = (5, 95)  # of what a latent is on images of its digit
EVERY = 5  # training image is enough for a percentile of the errors
MEANS = (0.1, 99.9)  # percentiles of each latent's means that the bars must reach


@dataclass(frozen=True)
class Run:
    """One trained model and how it came about.

    Attributes:
        variant: its name.
        seed: its run seed.
        recipe: how it was built and trained, by parameter.
        model: the trained model.
        weights_sha256: of the file that it was read from.
        measures: what was measured of it; see `grvae.measure.evaluation.measure`.
    """

    variant: str
    seed: int
    recipe: Mapping[str, Any]
    model: VAE
    weights_sha256: str
    measures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Names its file, too."""
        return f"{self.variant}-{self.seed}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_bundle(
    runs: Sequence[Run], train: ImageSet, test: ImageSet, budget: int = PAGE_BUDGET
) -> dict[str, Any]:
    """Everything the page reads, JSON-able, by the name of the file that it goes to.

    Args:
        runs: models to choose from; the page opens with the first two of different variants.
        train: images that tell the latents' ranges.
        test: images to choose the page's digits from.
        budget: bytes that all files together may have; later models are left out.

    Returns:
        index: `models`, a list of what the menu says of each; `left_out`, a list of `name` and
            `reason`; `route_gradient`, the source of the function.
        digits: see `describe_digits`.
        And for each model one under its name, see `describe_run`.
    """
    digits = describe_digits(test)
    left = budget - ROOM_FOR_THE_REST - len(digits["pixels"])
    too_much = f"would make the page larger than {budget / 1e6:.0f} MB"
    models: dict[str, Any] = {}
    menu, left_out = [], []
    for run in runs:
        if left <= 0:
            left_out.append({"name": run.name, "reason": too_much})
            continue
        try:
            described = describe_run(run, train)
        except GrvaeError as error:
            left_out.append({"name": run.name, "reason": str(error)})
            continue
        left -= len(described["bytes"])
        if left < 0:
            left_out.append({"name": run.name, "reason": too_much})
            continue
        models[run.name] = described
        menu.append({"name": run.name} | {key: described[key] for key in MENU_KEYS})
    if not menu:
        raise GrvaeError("no model that the page can show: " + "; ".join(map(said, left_out)))
    source = inspect.getsource(route_gradient).rstrip()
    index = {"models": menu, "left_out": left_out, "route_gradient": source}
    return {"index": index, "digits": digits, **models}


def said(left_out: Mapping[str, str]) -> str:
    """One model that was left out, and why."""
    return f"{left_out['name']} {left_out['reason']}"


def write_page(folder: Path, sources: Path, bundle: Mapping[str, Any]) -> int:
    """Write the page: its hand-written sources, copied, and the bundle; returns its size in bytes.

    Raises:
        GrvaeError: there is no page among the sources.
    """
    if not (sources / "index.html").is_file():
        raise GrvaeError(f"no index.html in {sources}")
    files = {path.name: path.read_bytes() for path in sorted(sources.iterdir()) if path.is_file()}
    for name, content in bundle.items():
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        files[f"{DATA_FOLDER}/{name}.js"] = f'Data.receive("{name}", {text});\n'.encode()
    for name, written in files.items():
        write_atomically(folder / name, written)
    return sum(len(written) for written in files.values())


@torch.no_grad()
def round_weights(model: VAE) -> VAE:
    """A copy of the model with the weights that the page has."""
    rounded = copy.deepcopy(model)
    for module in rounded.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            integers, scale = quantise(rows_of(module))
            rows = integers * scale[:, None]
            if isinstance(module, nn.ConvTranspose2d):
                first, second, *kernel = module.weight.shape
                module.weight.copy_(rows.view(second, first, *kernel).transpose(0, 1))
            else:
                module.weight.copy_(rows.view_as(module.weight))
    return rounded


def rows_of(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """The weights as a table: a row for each output, or for each output channel."""
    weights = module.weight.detach()
    if isinstance(module, nn.ConvTranspose2d):
        weights = weights.transpose(0, 1)
    return weights.flatten(start_dim=1)


def quantise(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights (output, input) to integers (output, input) int8 and a scale (output,).

    The largest weight of a row becomes 127 or -127; the weights are integers times scale.
    """
    largest = weights.detach().abs().amax(dim=1)
    scale = torch.where(largest > 0, largest, 1) / torch.iinfo(torch.int8).max
    return (weights.detach() / scale[:, None]).round().to(torch.int8), scale


def describe_digits(test: ImageSet) -> dict[str, Any]:
    """Test digits, evenly taken from the whole split, without regard to any model.

    Returns:
        pixels: compressed (image, 784) uint8.
        labels: label (image,).
        numbers: number (image,) of each within the test split, from 0.
    """
    numbers = torch.arange(len(test))
    if len(numbers) > TEST_DIGITS:
        numbers = torch.linspace(0, len(test) - 1, TEST_DIGITS, dtype=torch.float64).round().long()
    pixels = (test.pixels[numbers] * 255).round().to(torch.uint8)
    return {
        "pixels": compressed(pixels.numpy().tobytes()),
        "labels": test.labels[numbers].tolist(),
        "numbers": numbers.tolist(),
    }


@torch.no_grad()
def describe_run(run: Run, train: ImageSet) -> dict[str, Any]:
    """One model as the page reads it.

    Returns:
        The run's identity and measures; `method`, see `method_of`, with `floor` and `ceiling` or
        None; `labelled`, whether its latents were tied to digits in training; `encoder` and
        `decoder`, each a list of layers, whose numbers follow one another in `bytes`;
        `latent_act`; `assignment` of latents to digits; `latents`, values of
        `grvae.measure.sliders.Sliders`; `bars` and `sliders`, the ends of all means and of
        all activated values; `doubt`, see `describe_doubt`.

    Raises:
        GrvaeError: the page cannot show this model.
    """
    latents = run.model.architecture.latents
    if latents != DIGITS:
        raise GrvaeError(f"has {latents} latents, the page shows {DIGITS}")
    encoder, encoder_bytes = describe_layers([*run.model.encoder, run.model.mean_head])
    decoder, decoder_bytes = describe_layers([*run.model.decoder])
    model, measures = round_weights(run.model), run.measures
    mean, _ = model.encode(train.pixels)
    method = method_of(run.recipe)
    labelled = method != "none"
    assignment = list(range(DIGITS)) if labelled else list(measures["assignment"])
    activated = model.activate(mean)
    own = latents_of_places(1, np.argsort(assignment).tolist())
    digits = read_sliders(activated, train.labels, own, SLIDER_PERCENTILES)
    # One scale for the bars, which show means, and the sliders, which show activated values.
    ends = np.percentile(mean.numpy(), MEANS, axis=0)
    values = torch.cat([*reached_range(activated), digits.pure.flatten()])
    sliders = [values.min().item(), values.max().item()]
    # Latents that never move get sliders that do.
    sliders[1] = max(sliders[1], sliders[0] + 1e-3)
    bars = [min(0.0, float(ends.min()), sliders[0]), max(float(ends.max()), sliders[1])]
    return {
        "variant": run.variant,
        "seed": run.seed,
        "recipe": dict(run.recipe),
        "method": method,
        "labelled": labelled,
        "floor": run.recipe.get("floor"),
        "ceiling": run.recipe.get("ceiling"),
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
        "assignment": assignment,
        "encoder": encoder,
        "decoder": decoder,
        "bytes": compressed(encoder_bytes + decoder_bytes),
        "latents": {
            "rest": _rounded(digits.rest),
            "own_low": _rounded(digits.low[assignment, range(DIGITS)]),
            "own_high": _rounded(digits.high[assignment, range(DIGITS)]),
            "pure": [_rounded(row) for row in digits.pure],
        },
        "bars": bars,
        "sliders": sliders,
        "doubt": describe_doubt(model, train, mean, activated, assignment),
    }


def method_of(recipe: Mapping[str, Any]) -> str:
    """What ties latents to digits: `routed`, `gated`, `classified` (by a loss), or `none`."""
    if recipe["routing"] != "none":
        return "gated" if recipe.get("ceiling") is not None else "routed"
    return "classified" if recipe.get("cross_entropy_weight", 0) > 0 else "none"


def describe_doubt(
    model: VAE, train: ImageSet, mean: Tensor, activated: Tensor, assignment: Sequence[int]
) -> dict[str, float]:
    """Where the training images tell that a reading is not to be trusted.

    Returns:
        close_margin: a lead of the largest mean below this is close.
        high_error, high_error_share: squared errors, and shares of the image's squared sum, that
            hardly any training image exceeds.
        low_ink, high_ink: the sum of pixels that nearly all training images lie between.
    """
    readings = torch.tensor(assignment)[mean.argmax(dim=1)]
    two = mean.topk(2, dim=1).values
    misread = (two[:, 0] - two[:, 1])[readings != train.labels].numpy()
    some = train.pixels[::EVERY]
    error = squared_error(some, torch.sigmoid(model.decode(activated[::EVERY])))
    share = error / some.square().sum(dim=1).clamp(min=1e-6)
    low_ink, high_ink = np.percentile(train.pixels.sum(dim=1).numpy(), INK_PERCENTILES)
    return {
        "close_margin": float(np.percentile(misread, CLOSE_PERCENTILE)) if len(misread) else 0.0,
        "high_error": float(np.percentile(error.numpy(), STRANGE_PERCENTILE)),
        "high_error_share": float(np.percentile(share.numpy(), STRANGE_PERCENTILE)),
        "low_ink": float(low_ink),
        "high_ink": float(high_ink),
    }


def describe_layers(modules: Sequence[nn.Module]) -> tuple[list[dict[str, Any]], bytes]:
    """Layers in order, each with the activation that follows it, and their numbers.

    Returns:
        For each layer `kind` (linear, convolution or transposed), `inputs`, `outputs` (units or
        channels), `activation` (relu, silu or none), and for convolutions `kernel`, `stride`,
        `padding`, the `side` that comes in and the `out_side` that goes out. The bytes hold, layer
        by layer and little-endian, the rows' scales (output,) float32, the biases (output,)
        float32, and the weights (output, input) int8.

    Raises:
        GrvaeError: a module that the page cannot compute.
    """
    layers: list[dict[str, Any]] = []
    numbers = bytearray()
    side = SIDE
    for module, following in pairwise([*modules, nn.Identity()]):
        if isinstance(module, nn.Unflatten):
            side = int(module.unflattened_size[-1])
        if isinstance(module, SHAPES) or type(module) in ACTIVATION_NAMES:
            continue
        if not isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            raise GrvaeError(f"has a layer that the page cannot compute: {type(module).__name__}")
        layer: dict[str, Any] = {"activation": ACTIVATION_NAMES.get(type(following), "none")}
        if isinstance(module, nn.Linear):
            layer |= {"kind": "linear", "inputs": module.in_features}
            layer |= {"outputs": module.out_features}
        else:
            layer |= describe_convolution(module, side)
            side = layer["out_side"]
        layers.append(layer)
        weights, scale = quantise(rows_of(module))
        bias = module.bias if module.bias is not None else torch.zeros(len(scale))
        numbers += scale.numpy().astype("<f4").tobytes()
        numbers += bias.detach().numpy().astype("<f4").tobytes()
        numbers += weights.numpy().tobytes()
    return layers, bytes(numbers)


def describe_convolution(module: nn.Conv2d | nn.ConvTranspose2d, side: int) -> dict[str, Any]:
    """A convolution of square images of one size, with square kernels and nothing unusual."""
    kernel, stride, padding = module.kernel_size[0], module.stride[0], int(module.padding[0])
    plain = (
        module.kernel_size == (kernel, kernel)
        and module.stride == (stride, stride)
        and module.padding == (padding, padding)
        and module.dilation == (1, 1)
        and module.groups == 1
        and module.padding_mode == "zeros"
        and module.output_padding in {0, (0, 0)}
    )
    if not plain:
        raise GrvaeError(f"has a layer that the page cannot compute: {module}")
    if isinstance(module, nn.ConvTranspose2d):
        kind, out_side = "transposed", (side - 1) * stride - 2 * padding + kernel
    else:
        kind, out_side = "convolution", (side + 2 * padding - kernel) // stride + 1
    return {
        "kind": kind,
        "inputs": module.in_channels,
        "outputs": module.out_channels,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "side": side,
        "out_side": out_side,
    }


def compressed(content: bytes) -> str:
    """Raw deflate, which every browser can undo, in base64."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return base64.b64encode(deflate.compress(content) + deflate.flush()).decode()


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
