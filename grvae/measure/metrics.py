"""What is measured of one trained model on one set of images: plain functions of arrays."""

import numpy as np
from scipy.optimize import linear_sum_assignment

DEAD_LATENT_STD = 1e-3


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
    """The label (latent,) of each latent, one to one, for which accuracy is highest.

    Found by the Hungarian method. It is the fair reading of a model whose latents were never told
    which digit to take.
    """
    labels, latents = linear_sum_assignment(confusion, maximize=True)
    return labels[np.argsort(latents)]


def assigned_confusion(confusion: np.ndarray, assignment: np.ndarray) -> np.ndarray:
    """Counts (label, assigned label), from counts (label, latent) and a label per latent."""
    return confusion[:, np.argsort(assignment)]


def dead_latents(activations: np.ndarray) -> int:
    """How many latents (image, latent) hardly move: they carry nothing to the decoder.

    A latent is dead where its standard deviation over the images is below `DEAD_LATENT_STD`, in
    units of the activated latent.
    """
    return int(np.sum(activations.std(axis=0) < DEAD_LATENT_STD))


def mean_activation(activations: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Mean (label, latent) of the activated latents (image, latent) over each label's images."""
    return np.stack([activations[labels == label].mean(axis=0) for label in range(classes)])
