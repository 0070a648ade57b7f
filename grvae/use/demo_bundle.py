"""What the browser demo needs to know of trained models and test images, as JavaScript files.

The page computes everything else itself. It opens with a list of the models and loads each one, and
the images, when they are first asked for. Every file is a classic script with compressed bytes in
base64, which a page may load by double click too.
"""

import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, ImageSpec
from grvae.base.storage import write_atomically
from grvae.measure.sliders import latents_of_places, reached_range, read_sliders
from grvae.model.images import ImageSet
from grvae.model.routing import _Gate, names_latents, route_gradient
from grvae.model.vae import VAE
from grvae.params import Recipe
from grvae.use.demo_layers import compressed, describe_layers, round_weights

DATA_FOLDER = "data"
TEST_IMAGES = 1000
IMAGES_BUDGET = 2_000_000  # bytes of test images, compressed; large ones are fewer
PAGE_BUDGET = 6_000_000  # bytes, with every model of images of MNIST's size; see `page_budget`
ROOM_FOR_THE_REST = 300_000  # of these, for what is written by hand and the models' descriptions
MENU_KEYS = ("variant", "seed", "method", "floor", "ceiling", "blocked_gradient_scale")
SHOWN_MEASURES = ("images", "argmax_accuracy", "assigned_accuracy", "squared_error_per_image")
# Three of four misclassified training images have a margin below the low one.
LOW_PERCENTILE = 75
MEANS = (0.1, 99.9)  # percentiles of each latent's means that the bars must reach


@dataclass(frozen=True)
class Run:
    """One trained model and how it came about.

    Attributes:
        variant: its name.
        seed: its run seed.
        recipe: how it was built and trained.
        model: the trained model.
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


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_bundle(
    runs: Sequence[Run],
    train: ImageSet,
    test: ImageSet,
    percentiles: Sequence[float],
    budget: int | None = None,
) -> dict[str, Any]:
    """Everything the page reads, JSON-able, by the name of the file that it goes to.

    Args:
        runs: models to choose from; the page opens with the first two of different variants.
        train: images that tell the latents' ranges.
        test: images to choose the page's from.
        percentiles: of what a latent is on images of its class, between which the page draws it.
        budget: bytes that all files together may have; later models are left out. By default, see
            `page_budget`.

    Returns:
        index: `models`, a list of what the menu says of each; `left_out`, a list of `name` and
            `reason`; `images`, see `describe_spec`; `route_gradient` and `gate`, the sources of the
            functions.
        test_images: see `describe_images`.
        And for each model one under its name, see `describe_run`.
    """
    images = describe_images(test)
    budget = page_budget(test.spec) if budget is None else budget
    left = budget - ROOM_FOR_THE_REST - len(images["pixels"])
    too_much = f"would make the page larger than {budget / 1e6:.0f} MB"
    models: dict[str, Any] = {}
    menu, left_out = [], []
    for run in runs:
        if left <= 0:
            left_out.append({"name": run.name, "reason": too_much})
            continue
        try:
            described = describe_run(run, train, percentiles)
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
    code = {"route_gradient": source_of(route_gradient), "gate": source_of(_Gate.backward)}
    index = {"models": menu, "left_out": left_out, "images": describe_spec(test)} | code
    return {"index": index, "test_images": images, **models}


def page_budget(spec: ImageSpec) -> int:
    """Bytes that a page may have: in proportion to an image, as the networks' outer layers are."""
    return round(PAGE_BUDGET * max(1.0, spec.pixels / MNIST.pixels))


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
        "drawable": signs and spec.colours == 1 and bool(test.pixels.median() < 0.5),
    }


def source_of(function: Callable[..., Any]) -> str:
    """Its text, without the indentation that a class gives it."""
    return textwrap.dedent(inspect.getsource(function)).rstrip()


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
        files[f"{DATA_FOLDER}/{name}.js"] = f'Demo.Data.receive("{name}", {text});\n'.encode()
    for name, written in files.items():
        write_atomically(folder / name, written)
    return sum(len(written) for written in files.values())


def describe_images(test: ImageSet) -> dict[str, Any]:
    """Test images, evenly taken from the whole split, without regard to any model.

    Returns:
        pixels: compressed (image, pixel) uint8; of an image with colours, first all of its red.
        labels: label (image,).
        numbers: number (image,) of each within the test split, from 0.
    """
    count = min(TEST_IMAGES, len(test))
    while True:
        numbers = torch.linspace(0, len(test) - 1, count, dtype=torch.float64).round().long()
        pixels = (test.pixels[numbers] * 255).round().to(torch.uint8)
        written = compressed(pixels.numpy().tobytes())
        if len(written) <= IMAGES_BUDGET:
            break
        count = int(0.95 * count * IMAGES_BUDGET / len(written))
    return {
        "pixels": written,
        "labels": test.labels[numbers].tolist(),
        "numbers": numbers.tolist(),
    }


@repeatable(has_convolutions=True)  # else a machine of many cores gives other last digits
@torch.no_grad()
def describe_run(run: Run, train: ImageSet, percentiles: Sequence[float]) -> dict[str, Any]:
    """One model as the page reads it.

    Returns:
        The run's identity and measures; `method`, see `method_of`, with `floor` and `ceiling` or
        None, and `blocked_gradient_scale`; `labelled`, whether its latents had labels in training;
        `encoder` and `decoder`, each a list of layers, whose numbers follow one another in `bytes`;
        `latent_act`; `assignment` of latents to classes; `latents`, values of
        `grvae.measure.sliders.Sliders`; `bars` and `sliders`, the ends of all means and of
        all activated values; `limits`, those of `grvae.measure.out_of_distribution`, and among them
        `low_margin`, below which the lead of the largest mean is low.

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
    mean, _ = model.encode(train.pixels)
    method = method_of(run.recipe)
    assignment = assignment_of(run.recipe, measures)
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
        "floor": run.recipe.floor,
        "ceiling": run.recipe.ceiling,
        "blocked_gradient_scale": run.recipe.blocked_gradient_scale,
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
    if not names_latents(recipe):
        return "none"
    if recipe.routing != "none":
        return "gated" if recipe.ceiling is not None else "routed"
    return "classified" if recipe.cross_entropy_weight > 0 else "prior"


def assignment_of(recipe: Recipe, measures: Mapping[str, Any]) -> list[int]:
    """The class (latent,) that each latent stands for: its own, or else the one that fits best."""
    fits_best = list(measures["assignment"])
    return list(range(len(fits_best))) if names_latents(recipe) else fits_best


def low_margin(mean: Tensor, labels: Tensor, assignment: Sequence[int]) -> float:
    """A lead of the largest mean that most misread images (image, latent) stay below."""
    readings = torch.tensor(assignment)[mean.argmax(dim=1)]
    two = mean.topk(2, dim=1).values
    misread = (two[:, 0] - two[:, 1])[readings != labels].numpy()
    return float(np.percentile(misread, LOW_PERCENTILE)) if len(misread) else 0.0


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
