"""What the browser demo needs to know of trained models and test images, as JavaScript files.

The page computes everything else itself. It opens with a list of the models and loads each one, and
the images, when they are first asked for. Every file is a classic script with compressed bytes in
base64, which a page may load by double click too.
"""

import hashlib
import inspect
import itertools
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.base.layout import run_folder
from grvae.base.storage import load_json, write_atomically
from grvae.measure.sliders import latents_of_places, reached_range, read_sliders
from grvae.model.images import ImageSet, by_parts, scaled
from grvae.model.routing import _Gate, route_gradient
from grvae.model.vae import VAE, load_vae
from grvae.params import Recipe, load_variant
from grvae.use.demo_layers import compressed, describe_layers, round_weights

DATA_FOLDER = "data"
TEST_IMAGES = 1000
MINIATURES = (3500, 500)  # to train the page's own networks with, and to hold out
GREYS = 15  # levels of a miniature's pixels above black
IMAGES_BUDGET = 2_000_000  # bytes of test images, compressed; large ones are fewer
PAGE_BUDGET = 6_000_000  # bytes, with every model of images of MNIST's size
ROOM_FOR_THE_REST = 300_000  # of these, for what is written by hand and the models' descriptions
# What the explanation says of a method's limits.
LIMITS = (
    "floor", "ceiling", "doubt_margin", "blocked_gradient_scale", "amplified_gradient_scale",
)  # fmt: skip
MENU_KEYS = ("variant", "seed", "method", *LIMITS)
SHOWN_MEASURES = ("images", "argmax_accuracy", "assigned_accuracy", "squared_error_per_image")
# Three of four misclassified training images have a margin below the low one.
LOW_PERCENTILE = 75
MEANS = (0.1, 99.9)  # percentiles of each latent's means that the bars must reach


@dataclass(frozen=True)
class Run:
    """One trained model and how it came about.

    Attributes:
        weights_sha256: of the file that it was read from.
        measures: what was measured of it; see `grvae.measure.evaluation.measure`.
    """

    variant: str
    seed: int
    recipe: Recipe
    model: VAE
    weights_sha256: str
    measures: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Names its file, too."""
        return f"{self.variant}-{self.seed}"


def load_runs(runs: Path, variants: Path, names: Sequence[str], seeds: Sequence[int]) -> list[Run]:
    """Read the runs of variants, by seed, from the folders of all runs and of all variants."""
    found = []
    for seed, name in itertools.product(seeds, names):
        files = run_folder(runs, name, seed)
        recipe, model = load_variant(variants / f"{name}.json").recipe, load_vae(files.weights)
        sha256 = hashlib.sha256(files.weights.read_bytes()).hexdigest()
        found.append(Run(name, seed, recipe, model, sha256, load_json(files.measures)))
    return found


def opening_runs(runs: Sequence[Run]) -> list[Run]:
    """The first run, and one to compare it with: of another variant, without routing if any is."""
    others = [run for run in runs if run.variant != runs[0].variant]
    unrouted = [run for run in others if method_of(run.recipe) == "none"]
    return [runs[0], *(unrouted or others)[:1]]


def build_bundle(
    runs: Sequence[Run],
    train: ImageSet,
    test: ImageSet,
    percentiles: Sequence[float],
    test_images: int = TEST_IMAGES,
) -> dict[str, Any]:
    """Everything the page reads, JSON-able, by the name of the file that it goes to.

    Args:
        runs: models to choose from, as many as `PAGE_BUDGET` allows; the page opens with
            `opening_runs`.
        train: images that tell the latents' ranges.
        test: images to choose the page's from.
        percentiles: of what a latent is on images of its class, between which the page draws it.
        test_images: how many of them the page has, if they are not too large.

    Returns:
        index: `models`, a list of what the menu says of each; `opens`, the names of those that the
            page opens with; `left_out`, a list of `name` and `reason`; `images`, see
            `describe_spec`; `route_gradient` and `gate`, the sources of the functions.
        test_images: see `describe_images`.
        miniatures: see `describe_miniatures`.
        And for each model one under its name, see `describe_run`.
    """
    images, miniatures = describe_images(test, test_images), describe_miniatures(train, test)
    # In proportion to an image, as the networks' outer layers are.
    budget = round(PAGE_BUDGET * max(1.0, test.spec.pixels / MNIST.pixels))
    left = budget - ROOM_FOR_THE_REST - len(images["pixels"]) - len(miniatures["pixels"])
    models: dict[str, Any] = {}
    menu, left_out = [], []
    for run in runs:
        try:
            if left > 0:
                described = describe_run(run, train, percentiles)
                left -= len(described["bytes"])
            if left <= 0:
                raise GrvaeError(f"would make the page larger than {budget / 1e6:.0f} MB")
        except GrvaeError as error:
            left_out.append({"name": run.name, "reason": str(error)})
            continue
        models[run.name] = described
        menu.append({"name": run.name} | {key: described[key] for key in MENU_KEYS})
    if not menu:
        raise GrvaeError("no model that the page can show: " + "; ".join(map(said, left_out)))
    index = {
        "models": menu,
        "opens": [run.name for run in opening_runs([run for run in runs if run.name in models])],
        "left_out": left_out,
        "images": describe_spec(test),
        "route_gradient": source_of(route_gradient),
        "gate": source_of(_Gate.backward),
    }
    return {"index": index, "test_images": images, "miniatures": miniatures, **models}


def describe_spec(test: ImageSet) -> dict[str, Any]:
    """What all images share, and what the page calls them.

    Returns:
        classes, side, colours: see `ImageSpec`.
        noun: `digit`, `letter` or `class`, of what all classes are.
        drawable: whether an image is what a pen may draw: a digit or a letter, light on dark.
    """
    spec = test.spec
    letters = all(len(name) == 1 and name.isalpha() for name in spec.classes)
    digits = set(spec.classes) <= set(MNIST.classes)
    signs = all(len(name) == 1 and name.isalnum() for name in spec.classes)
    return asdict(spec) | {
        "noun": "digit" if digits else "letter" if letters else "class",
        "drawable": signs and spec.colours == 1 and bool(scaled(test.stored.median()) < 0.5),
    }


def source_of(function: Callable[..., Any]) -> str:
    """Its text, without the indentation that a class gives it."""
    return textwrap.dedent(inspect.getsource(function)).rstrip()


def said(left_out: Mapping[str, str]) -> str:
    """One model that was left out, and why."""
    return f"{left_out['name']} {left_out['reason']}"


def write_page(folder: Path, sources: Path, bundle: Mapping[str, Any]) -> int:
    """Write the hand-written sources, copied, and the bundle; returns the size in bytes."""
    files = {path.name: path.read_bytes() for path in sorted(sources.iterdir()) if path.is_file()}
    for name, written in files.items():
        write_atomically(folder / name, written)
    size = write_data(folder / DATA_FOLDER, bundle)
    return size + sum(len(written) for written in files.values())


def write_data(folder: Path, bundle: Mapping[str, Any]) -> int:
    """Write the bundle into the folder beside the page's sources; returns its size in bytes."""
    size = 0
    for name, content in bundle.items():
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        written = f'Demo.Data.receive("{name}", {text});\n'.encode()
        write_atomically(folder / f"{name}.js", written)
        size += len(written)
    return size


def describe_images(test: ImageSet, count: int) -> dict[str, Any]:
    """Test images, evenly taken from the whole split, without regard to any model.

    Returns:
        pixels: compressed (image, pixel) uint8; of an image with colours, first all of its red.
        labels: label (image,).
        numbers: number (image,) of each within the test split, from 0.
    """
    while True:
        numbers = evenly(test, count)
        pixels = (test[numbers].pixels * 255).round().to(torch.uint8)
        written = compressed(pixels.numpy().tobytes())
        if len(written) <= IMAGES_BUDGET:
            break
        count = int(0.95 * len(numbers) * IMAGES_BUDGET / len(written))
    return {
        "pixels": written,
        "labels": test.labels[numbers].tolist(),
        "numbers": numbers.tolist(),
    }


def evenly(images: ImageSet, count: int) -> Tensor:
    """Numbers (image,) of images from the whole set, as many as are asked for or as there are."""
    count = min(count, len(images))
    return torch.linspace(0, len(images) - 1, count, dtype=torch.float64).round().long()


def describe_miniatures(train: ImageSet, test: ImageSet) -> dict[str, Any]:
    """Small grey images to train with in the page, and some to measure on, at the end.

    Returns:
        side: of an image, 8 to 16 pixels; each is the average of some of the original's.
        pixels: compressed (image, pixel) uint8, at most `GREYS`.
        labels: label (image,).
        held_out: how many of the images are from the test split.
    """
    some = [
        images[evenly(images, count)]
        for images, count in zip((train, test), MINIATURES, strict=True)
    ]
    spec = train.spec
    planes = torch.cat([images.pixels for images in some]).unflatten(1, (-1, spec.side, spec.side))
    small = F.avg_pool2d(planes, next(by for by in (1, 2, 4) if spec.side <= 16 * by)).mean(dim=1)
    return {
        "side": small.shape[-1],
        "pixels": compressed((small * GREYS).round().to(torch.uint8).numpy().tobytes()),
        "labels": torch.cat([images.labels for images in some]).tolist(),
        "held_out": len(some[1]),
    }


@repeatable(has_convolutions=True)  # else a machine of many cores gives other last digits
@torch.no_grad()
def describe_run(run: Run, train: ImageSet, percentiles: Sequence[float]) -> dict[str, Any]:
    """One model as the page reads it.

    Returns:
        The run's identity and measures; `method`, see `method_of`, with `LIMITS`; `labelled`,
        whether its latents had labels in training; `encoder` and `decoder`, each a list of layers,
        whose numbers follow one another in `bytes`; `latent_act`; `assignment` of latents to
        classes; `latents`, values of `grvae.measure.sliders.Sliders`; `bars` and `sliders`, the
        ends of all means and of all activated values; `limits`, those of the run's measures, and
        among them `low_margin`, below which the lead of the largest mean is low.

    Raises:
        GrvaeError: the page cannot show this model.
    """
    latents, spec = run.model.architecture.latents, run.model.architecture.images
    if spec != train.spec:
        raise GrvaeError("was trained on images of another size, or of other classes")
    if latents != len(spec.classes):
        raise GrvaeError(f"has {latents} latents, the page shows {len(spec.classes)}")
    encoder, encoder_bytes = describe_layers([*run.model.encoder, run.model.mean_head])
    decoder, decoder_bytes = describe_layers([*run.model.decoder])
    model, measures = round_weights(run.model), run.measures
    mean = by_parts(lambda pixels: model.encode(pixels)[0], train.stored)
    method = method_of(run.recipe)
    # Its own class, or else the one that fits best.
    assignment = list(range(latents)) if method != "none" else list(measures["assignment"])
    activated = model.activate(mean)
    own = latents_of_places(1, np.argsort(assignment).tolist())
    classes = read_sliders(activated, train.labels, own, percentiles)
    # One scale for the bars, which show means, and the sliders, which show activated values.
    ends = np.percentile(mean.numpy(), MEANS, axis=0)
    values = torch.cat([*reached_range(activated), classes.pure.flatten()])
    sliders = [values.min().item(), values.max().item()]
    # Latents that never move get sliders that do.
    sliders[1] = max(sliders[1], sliders[0] + 1e-3)
    bars = [min(0.0, float(ends.min()), sliders[0]), max(float(ends.max()), sliders[1])]
    return {
        "variant": run.variant,
        "seed": run.seed,
        "recipe": run.recipe.written(),
        "method": method,
        "labelled": method != "none",
        **{name: getattr(run.recipe, name) for name in LIMITS},
        "latent_act": model.architecture.latent_act,
        "weights_sha256": run.weights_sha256,
        "measures": {name: measures[name] for name in SHOWN_MEASURES},
        "assignment": assignment,
        "encoder": encoder,
        "decoder": decoder,
        "bytes": compressed(encoder_bytes + decoder_bytes),
        "latents": {
            "rest": _rounded(classes.rest),
            "own_low": _rounded(classes.low[assignment, range(latents)]),
            "own_high": _rounded(classes.high[assignment, range(latents)]),
            "pure": [_rounded(row) for row in classes.pure],
        },
        "bars": bars,
        "sliders": sliders,
        "limits": measures["limits"] | {"low_margin": low_margin(mean, train.labels, assignment)},
    }


def method_of(recipe: Recipe) -> str:
    """What ties latents to classes; methods.js has what the page says of each.

    Returns:
        `routed`, `gated`, `classified` (by a loss), `prior` (by one for each class), or `none`.
    """
    if recipe.routing != "none":
        return "gated" if recipe.ceiling is not None else "routed"
    return {"loss": "classified"}.get(recipe.kind, recipe.kind)


def low_margin(mean: Tensor, labels: Tensor, assignment: Sequence[int]) -> float:
    """A lead of the largest mean that most misread images (image, latent) stay below."""
    readings = torch.tensor(assignment)[mean.argmax(dim=1)]
    two = mean.topk(2, dim=1).values
    misread = (two[:, 0] - two[:, 1])[readings != labels].numpy()
    return float(np.percentile(misread, LOW_PERCENTILE)) if len(misread) else 0.0


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
