"""Everything that is measured of one trained model.

Numbers are taken on the test split. What could be called a choice (the probe's fit, the assignment
of latents to digits, the range and the resting value of each latent) is made on the train split.
"""

from dataclasses import dataclass

import numpy as np
import torch

from grvae.base.sizes import DIGITS, PIXELS
from grvae.measure.metrics import (
    accuracy,
    assigned_confusion,
    best_assignment,
    confusion_matrix,
    dead_latents,
    mean_activation,
    recall,
)
from grvae.measure.probe import probe_accuracy
from grvae.measure.sliders import latent_ranges
from grvae.model.images import ImageSet
from grvae.model.losses import binary_cross_entropy, kl_to_standard_normal, squared_error
from grvae.model.vae import VAE

TRAVERSAL_STEPS = 9
SWEEP_STEPS_PER_DIGIT = 12


@dataclass(frozen=True)
class Measures:
    """Scalars of one model on the test split, and the tables behind them.

    Attributes:
        images: how many images were measured.
        argmax_accuracy: share of images whose largest mean is their label's, in [0, 1].
        assigned_accuracy: the same under the best one-to-one assignment of latents to digits.
        assignment: digit (latent,) of each latent under that assignment.
        recall: share (digit,) of each digit's images that the argmax gets right.
        lowest_recall: the smallest of them.
        probe_accuracy: test accuracy of a linear probe on the means.
        squared_error_per_image: summed over pixels, decoding the activated mean.
        mse_per_pixel: the same per pixel.
        bce_per_image: binary cross-entropy in nats, summed over pixels, decoding the same.
        kl_per_image: KL divergence of the posterior to N(0, I) in nats, summed over latents; None
            where a posterior has no spread.
        dead_latents: latents that hardly move; see `grvae.measure.metrics.dead_latents`.
        confusion: counts (digit, argmax latent).
        mean_activation: (digit, latent), mean of the activated mean.
    """

    images: int
    argmax_accuracy: float
    assigned_accuracy: float
    assignment: list[int]
    recall: list[float]
    lowest_recall: float
    probe_accuracy: float
    squared_error_per_image: float
    mse_per_pixel: float
    bce_per_image: float
    kl_per_image: float | None
    dead_latents: int
    confusion: list[list[int]]
    mean_activation: list[list[float]]


@torch.no_grad()
def measure(model: VAE, train: ImageSet, test: ImageSet) -> Measures:
    """Measure a model on the test split; probe and assignment are fitted on the train split."""
    mean, scale = model.encode(test.pixels)
    activations = model.activate(mean)
    logits = model.decode(activations)
    error = squared_error(test.pixels, torch.sigmoid(logits)).mean().item()
    log_variance = 2 * model.noise_std(scale).abs().log()
    kl = kl_to_standard_normal(mean, log_variance).mean().item()

    labels = test.labels.numpy()
    confusion = confusion_matrix(labels, mean.argmax(dim=1).numpy(), DIGITS)
    recalls = recall(confusion)
    train_mean, _ = model.encode(train.pixels)
    train_labels = train.labels.numpy()
    assignment = best_assignment(
        confusion_matrix(train_labels, train_mean.argmax(dim=1).numpy(), DIGITS)
    )
    return Measures(
        images=len(test),
        argmax_accuracy=accuracy(confusion),
        assigned_accuracy=accuracy(assigned_confusion(confusion, assignment)),
        assignment=assignment.tolist(),
        recall=recalls.tolist(),
        lowest_recall=float(recalls.min()),
        probe_accuracy=probe_accuracy(train_mean.numpy(), train_labels, mean.numpy(), labels),
        squared_error_per_image=error,
        mse_per_pixel=error / PIXELS,
        bce_per_image=binary_cross_entropy(test.pixels, logits).mean().item(),
        kl_per_image=kl if np.isfinite(kl) else None,
        dead_latents=dead_latents(activations.numpy()),
        confusion=confusion.tolist(),
        mean_activation=mean_activation(activations.numpy(), labels, DIGITS).tolist(),
    )


@torch.no_grad()
def draw_samples(
    model: VAE, assignment: list[int], train: ImageSet, test: ImageSet
) -> dict[str, np.ndarray]:
    """Images that show what a model has learned.

    Args:
        model: a trained model.
        assignment: digit (latent,) of each latent.
        train: images that tell each latent's range and resting value.
        test: images to reconstruct.

    Returns:
        originals: (digit, 784), the first test image of each digit.
        reconstructions: (digit, 784).
        traversal_values: (latent, step), from the low to the high end of what each latent says of
            images of its own digit.
        traversal: (latent, step, 784), decoded with all other latents at rest.
        sweep: (frame, 784), from the typical image of one digit to the next.
    """
    latents = model.activate(model.encode(train.pixels)[0])
    ranges = latent_ranges(latents, train.labels, assignment)
    rest, low, high, pure = ranges.rest, ranges.own_low, ranges.own_high, ranges.pure

    steps = torch.linspace(0, 1, TRAVERSAL_STEPS)
    values = low[:, None] + (high - low)[:, None] * steps
    grid = rest.repeat(len(rest), TRAVERSAL_STEPS, 1)
    grid[torch.arange(len(rest)), :, torch.arange(len(rest))] = values

    parts = torch.linspace(0, 1, SWEEP_STEPS_PER_DIGIT + 1)[:-1]
    sweep = torch.cat(
        [torch.lerp(a, b, parts[:, None]) for a, b in zip(pure, pure.roll(-1, 0), strict=True)]
    )

    firsts = [int((test.labels == digit).nonzero()[0]) for digit in range(DIGITS)]
    originals = test.pixels[firsts]
    decoded = {
        "reconstructions": model.activate(model.encode(originals)[0]),
        "traversal": grid,
        "pure": pure,
        "sweep": sweep,
    }
    images = {name: torch.sigmoid(model.decode(z)).numpy() for name, z in decoded.items()}
    return {"originals": originals.numpy(), "traversal_values": values.numpy(), **images}
