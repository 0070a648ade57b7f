"""Metrics: what is said in one number of a trained model, and how each is called and written.

`METRICS` is the one place where a metric is declared. The summary, the report and the figures read
it by name; a new metric is a function of an `Outcome` and a line there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:  # whoever only reads the declarations need not wait for torch
    from torch import Tensor

    from grvae.base.image_spec import ImageSpec
    from grvae.params import Evaluation

DEAD_LATENT_STD = 1e-3


@dataclass(frozen=True)
class Outcome:
    """What one trained model makes of images that it has not learned from.

    Attributes:
        labels: (image,) int64.
        means: (image, latent) float.
        activations: (image, latent) float, the activated means.
        scores: (image, class) float, what the means say of each class; see
            `grvae.model.routing.class_scores`.
        sampled_scores: the same of sampled, activated encodings; None of a model without noise.
        squared_error: (image,), summed over pixels, decoding the activated mean.
        binary_cross_entropy: (image,) nats, summed over pixels, decoding the same.
        kl: (image,) nats, divergence of the posterior to N(0, I), summed over latents; None of a
            model without noise, whose posterior has a spread that nothing uses.
        train_labels: (train image,) int64.
        train_means: (train image, latent) float.
        train_scores: (train image, class) float.
        evaluation: how to measure.
        spec: what the images share.
    """

    labels: np.ndarray
    means: np.ndarray
    activations: np.ndarray
    scores: np.ndarray
    sampled_scores: np.ndarray | None
    squared_error: "Tensor"
    binary_cross_entropy: "Tensor"
    kl: "Tensor | None"
    train_labels: np.ndarray
    train_means: np.ndarray
    train_scores: np.ndarray
    evaluation: "Evaluation"
    spec: "ImageSpec"

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.spec.classes)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts (class, place): how often each place holds the largest score."""
        return confusion_matrix(self.labels, self.scores.argmax(axis=1), self.classes)

    @cached_property
    def assignment(self) -> np.ndarray:
        """The class (place,) that each place stands for at best; chosen on the train split."""
        predictions = self.train_scores.argmax(axis=1)
        return best_assignment(confusion_matrix(self.train_labels, predictions, self.classes))

    @cached_property
    def recalls(self) -> np.ndarray:
        """Share (class,) of each class's images that the argmax gets right."""
        return recall(self.confusion)


def argmax_accuracy(outcome: Outcome) -> float:
    """Share of the images whose largest score is their label's."""
    return accuracy(outcome.confusion)


def sampled_accuracy(outcome: Outcome) -> float | None:
    """The same of sampled, activated encodings, as the published number was measured.

    Source: g-w1/gradient-routed-vae, `vae.py`, commit 07c641d. A tie, as of latents that are all 0,
    goes to the first class.
    """
    if outcome.sampled_scores is None:
        return None
    return float((outcome.sampled_scores.argmax(axis=1) == outcome.labels).mean())


def assigned_accuracy(outcome: Outcome) -> float:
    """The same under the best one-to-one assignment."""
    return accuracy(assigned_confusion(outcome.confusion, outcome.assignment))


def probe_accuracy(outcome: Outcome) -> float:
    """What a linear classifier with all train labels reads from the means."""
    from grvae.measure.probe import linear_probe_accuracy  # slow to import

    return linear_probe_accuracy(
        outcome.train_means,
        outcome.train_labels,
        outcome.means,
        outcome.labels,
        outcome.evaluation,
    )


def lowest_recall(outcome: Outcome) -> float:
    """The recall of the class that is recognised least often."""
    return float(outcome.recalls.min())


def squared_error_per_image(outcome: Outcome) -> float:
    """Mean over images."""
    return outcome.squared_error.mean().item()


def mse_per_pixel(outcome: Outcome) -> float:
    """The same, per pixel."""
    return squared_error_per_image(outcome) / outcome.spec.pixels


def bce_per_image(outcome: Outcome) -> float:
    """Mean over images."""
    return outcome.binary_cross_entropy.mean().item()


def kl_per_image(outcome: Outcome) -> float | None:
    """Mean over images; None where a posterior has no spread."""
    if outcome.kl is None:
        return None
    kl = outcome.kl.mean().item()
    return kl if np.isfinite(kl) else None


def dead_latents(outcome: Outcome) -> int:
    """How many latents hardly move: they carry nothing to the decoder.

    A latent is dead where its standard deviation over the images is below `DEAD_LATENT_STD`, in
    units of the activated latent.
    """
    return int(np.sum(outcome.activations.std(axis=0) < DEAD_LATENT_STD))


@dataclass(frozen=True)
class Metric:
    """How a metric is computed, called and written.

    Attributes:
        measure: computes it; its name is the metric's.
        label: what it is, with its unit where it has one.
        decimals: how many to show.
        is_share: in [0, 1], written in per cent.
        is_main: what the report argues from: it gets an interval over seeds, and is compared.
    """

    measure: Callable[[Outcome], float | None]
    label: str
    decimals: int = 1
    is_share: bool = False
    is_main: bool = False

    @property
    def name(self) -> str:
        """Its key in every file."""
        return self.measure.__name__


# In the order of the report's tables.
METRICS = {
    metric.name: metric
    for metric in (
        Metric(argmax_accuracy, "argmax accuracy", is_share=True, is_main=True),
        Metric(sampled_accuracy, "argmax accuracy of sampled, activated encodings", is_share=True),
        Metric(assigned_accuracy, "accuracy under the best assignment", is_share=True),
        Metric(
            probe_accuracy, "accuracy of a linear probe on the means", is_share=True, is_main=True
        ),
        Metric(lowest_recall, "lowest recall of a class", is_share=True),
        Metric(squared_error_per_image, "squared error per image", decimals=2, is_main=True),
        Metric(mse_per_pixel, "mean squared error per pixel", decimals=4),
        Metric(bce_per_image, "binary cross-entropy per image, nats"),
        Metric(kl_per_image, "KL divergence to N(0, I) per image, nats"),
        Metric(dead_latents, "dead latents"),
    )
}


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """Counts (label, prediction) int64 of two (image,) arrays of classes."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def accuracy(confusion: np.ndarray) -> float:
    """Share of the images on the diagonal, in [0, 1]."""
    return float(np.trace(confusion) / confusion.sum())


def recall(confusion: np.ndarray) -> np.ndarray:
    """Share (label,) of each label's images on the diagonal, in [0, 1]; 0 for an absent label."""
    counts = confusion.sum(axis=1)
    share: np.ndarray = np.diag(confusion) / np.maximum(counts, 1)
    return share


def best_assignment(confusion: np.ndarray) -> np.ndarray:
    """The label (place,) of each place, one to one, for which accuracy is highest.

    Found by the Hungarian method. It is the fair reading of a model whose latents were never told
    which class to take.
    """
    labels, places = linear_sum_assignment(confusion, maximize=True)
    return labels[np.argsort(places)]


def assigned_confusion(confusion: np.ndarray, assignment: np.ndarray) -> np.ndarray:
    """Counts (label, assigned label), from counts (label, place) and a label per place."""
    return confusion[:, np.argsort(assignment)]


def mean_activation(activations: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean (label, latent) of the activated latents (image, latent) over each label's images."""
    return np.stack([activations[labels == label].mean(axis=0) for label in range(classes)])
