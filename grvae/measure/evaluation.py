"""Everything that is measured of one trained model.

Numbers are taken on the test split. What could be called a choice (the probe's fit, the assignment
of latents to classes, a slider's ends and the medians of the others) is made on the train split.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.base.seeding import random_stream
from grvae.measure.metrics import METRICS, Outcome, mean_activation
from grvae.measure.sliders import Sliders, latents_of_places, read_sliders
from grvae.model.images import ImageSet, as_pictures, by_parts
from grvae.model.losses import binary_cross_entropy, kl_to_standard_normal, squared_error
from grvae.model.routing import class_scores
from grvae.model.vae import VAE
from grvae.params import Evaluation, Recipe

TRAVERSAL_STEPS = 9
SWEEP_STEPS_PER_CLASS = 12


# On one thread: with twelve and more, oneDNN splits a layer's sums otherwise.
@repeatable(has_convolutions=True)
@torch.no_grad()
def observe(
    model: VAE, recipe: Recipe, evaluation: Evaluation, train: ImageSet, test: ImageSet
) -> Outcome:
    """Run a model on the test split, and on the train split for what is chosen there."""
    seen = [observe_part(model, part.pixels) for part in test.parts()]
    mean, scale, error, cross_entropy = (torch.cat(parts) for parts in zip(*seen, strict=True))
    train_mean = by_parts(lambda pixels: model.encode(pixels)[0], train.stored)
    sampled = kl = None
    if recipe.noise:
        kl = kl_to_standard_normal(mean, 2 * model.noise_std(scale).abs().log())
        noise = torch.randn(mean.shape, generator=random_stream(0, "noise"))
        latents = model.activate(mean + recipe.noise * model.noise_std(scale) * noise)
        sampled = class_scores(latents, recipe.latents_per_class).numpy()
    return Outcome(
        labels=test.labels.numpy(),
        means=mean.numpy(),
        activations=model.activate(mean).numpy(),
        scores=class_scores(mean, recipe.latents_per_class).numpy(),
        sampled_scores=sampled,
        squared_error=error,
        binary_cross_entropy=cross_entropy,
        kl=kl,
        train_labels=train.labels.numpy(),
        train_means=train_mean.numpy(),
        train_scores=class_scores(train_mean, recipe.latents_per_class).numpy(),
        evaluation=evaluation,
        spec=test.spec,
    )


def observe_part(model: VAE, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of some images: mean and scale (image, latent), squared error and cross-entropy (image,)."""
    mean, scale = model.encode(pixels)
    logits = model.decode(model.activate(mean))
    error = squared_error(pixels, torch.sigmoid(logits))
    return mean, scale, error, binary_cross_entropy(pixels, logits)


def measure(outcome: Outcome) -> dict[str, Any]:
    """Every metric by name, and the tables behind them; JSON-able.

    Returns:
        images: how many images were measured.
        classes: their names.
        assignment: class (place,) of each class's place under the best one-to-one assignment.
        recall: share (class,) of each class's images that the argmax gets right.
        confusion: counts (class, place of the largest score).
        mean_activation: (class, latent), mean of the activated mean.
        And the metrics; see `grvae.measure.metrics.METRICS`.
    """
    activation = mean_activation(outcome.activations, outcome.labels, outcome.classes)
    return {
        "images": len(outcome.labels),
        "classes": list(outcome.spec.classes),
        **{name: metric.measure(outcome) for name, metric in METRICS.items()},
        "assignment": outcome.assignment.tolist(),
        "recall": outcome.recalls.tolist(),
        "confusion": outcome.confusion.tolist(),
        "mean_activation": activation.tolist(),
    }


@torch.no_grad()
def class_sliders(
    model: VAE, recipe: Recipe, outcome: Outcome, place_of: Sequence[int] | None = None
) -> Sliders:
    """The slider of each class: of the latents at its place (class,).

    By default, a class's place is the one that the best assignment gives it.
    """
    if place_of is None:
        place_of = np.argsort(outcome.assignment).tolist()
    latents = model.activate(torch.from_numpy(outcome.train_means))
    label_latents = latents_of_places(recipe.latents_per_class, place_of)
    labels = torch.from_numpy(outcome.train_labels)
    return read_sliders(latents, labels, label_latents, outcome.evaluation.slider_percentiles)


@repeatable(has_convolutions=True)
@torch.no_grad()
def draw_samples(model: VAE, sliders: Sliders, test: ImageSet) -> dict[str, np.ndarray]:
    """Pictures that show what a model has learned, each (side, side), with colours (side, side, 3).

    Args:
        model: a trained model.
        sliders: of its classes; see `class_sliders`.
        test: images to reconstruct.

    Returns:
        originals: (class, ...), the first test image of each class.
        reconstructions: (class, ...).
        traversal: (class, step, ...), along each class's slider.
        sweep: (class, frame, ...), from the typical image of one class to the next.
    """
    parts = torch.linspace(0, 1, SWEEP_STEPS_PER_CLASS + 1)[:-1]
    pure = sliders.pure
    sweep = torch.lerp(pure[:, None], pure.roll(-1, 0)[:, None], parts[:, None])
    firsts = [int((test.labels == label).nonzero()[0]) for label in range(len(test.spec.classes))]
    originals = test[torch.tensor(firsts)].pixels
    decoded = {
        "reconstructions": model.activate(model.encode(originals)[0]),
        "traversal": sliders.along(TRAVERSAL_STEPS),
        "sweep": sweep,
    }
    images = {"originals": originals}
    for name, latents in decoded.items():
        drawn = torch.sigmoid(model.decode(latents.flatten(end_dim=-2)))
        images[name] = drawn.unflatten(0, latents.shape[:-1])
    return {name: as_pictures(values, test.spec).numpy() for name, values in images.items()}
