"""Reconstruction and KL terms, per image and unreduced: whoever averages says over what.

The recipe's choice among them stands first; the terms themselves follow.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from grvae.model.routing import class_scores
from grvae.params import Recipe


def reconstruction_term(pixels: Tensor, logits: Tensor, recipe: Recipe) -> Tensor:
    """The recipe's reconstruction term (batch,), from pixels and logits (batch, 784)."""
    if recipe.reconstruction == "squared_error":
        return squared_error(pixels, torch.sigmoid(logits))
    return binary_cross_entropy(pixels, logits)


def kl_term(
    mean: Tensor, scale: Tensor, latent_mask: Tensor, recipe: Recipe, ramp: float
) -> Tensor:
    """The recipe's regulariser (batch,).

    Args:
        mean: (batch, latent) float.
        scale: (batch, latent) float.
        latent_mask: (batch, latent), 1 where it is the image's label latent.
        recipe: which regulariser, and its prior.
        ramp: how far the prior has moved; see `prior_ramp`.
    """
    if recipe.posterior == "as_published":
        return kl_as_published(mean, scale)
    prior_mean: float | Tensor = ramp * recipe.prior_mean
    if recipe.class_prior_mean is not None:
        prior_mean = torch.where(latent_mask == 1, recipe.class_prior_mean, prior_mean)
    return kl_to_nearest_normal(mean, scale, prior_mean, recipe.prior_dead_zone)


def classification_loss(
    mean: Tensor, labels: Tensor, latent_mask: Tensor, recipe: Recipe
) -> Tensor:
    """The recipe's classification losses with their weights, a mean over the images of a batch.

    An image without a label adds nothing to the sum and counts in the mean, so that each labelled
    image weighs the same whatever their share.

    Args:
        mean: (batch, latent) float.
        labels: (batch,) int64, each a class, or their number: without a label.
        latent_mask: (class, latent) float, 1 where a latent is the class's label latent.
        recipe: which losses.
    """
    classes = len(latent_mask)
    loss = mean.new_zeros(())
    if recipe.cross_entropy_weight:
        scores = class_scores(mean, recipe.latents_per_class)
        summed = F.cross_entropy(scores, labels, reduction="sum", ignore_index=classes)
        loss = loss + recipe.cross_entropy_weight * (summed / len(labels))
    if recipe.hinge_weight:
        hinge = hinge_term(mean, latent_mask[labels.clamp(max=classes - 1)], recipe)
        loss = loss + recipe.hinge_weight * (hinge * (labels < classes)).mean()
    return loss


def hinge_term(mean: Tensor, latent_mask: Tensor, recipe: Recipe) -> Tensor:
    """By how much (batch,) the means violate the recipe's floor and ceiling, summed over latents.

    Args:
        mean: (batch, latent) float.
        latent_mask: (batch, latent), 1 where the latent is the image's label latent.
        recipe: with the `floor` of label latents and the `ceiling` of all others.

    Source: the bounds of `gate_gradient`, as a loss.
    """
    assert recipe.floor is not None and recipe.ceiling is not None  # the recipe has been checked
    low, high = F.relu(recipe.floor - mean), F.relu(mean - recipe.ceiling)
    return torch.where(latent_mask == 1, low, high).sum(dim=1)


def prior_ramp(progress: float, recipe: Recipe) -> float:
    """How far the prior has moved from 0 to its mean, in [0, 1], at a share of the joint phase.

    It starts at 0, where the ReLU makes every class take the positive side of its latent, and
    arrives before the phase ends, so that the encoder settles.
    """
    start, end = recipe.prior_ramp
    return min(1.0, max(0.0, (progress - start) / (end - start)))


def kl_weight(ramp: float, recipe: Recipe) -> float:
    """The weight of the KL term, which moves with the prior."""
    return (1 - ramp) * recipe.kl_weight + ramp * recipe.final_kl_weight


def squared_error(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Squared error per image, summed over pixels.

    Args:
        images: (batch, pixel) float in [0, 1].
        reconstructions: (batch, pixel) float in [0, 1].

    Returns:
        (batch,) float.
    """
    return (images - reconstructions).square().sum(dim=1)


def binary_cross_entropy(images: Tensor, logits: Tensor) -> Tensor:
    """Binary cross-entropy per image, summed over pixels.

    Args:
        images: (batch, pixel) float in [0, 1].
        logits: (batch, pixel) float, before the sigmoid.

    Returns:
        (batch,) nats.
    """
    # log(1 + e^logit) - image * logit, in half the passes over memory that PyTorch's own takes
    return F.softplus(logits).sum(dim=1) - (images * logits).sum(dim=1)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence from a diagonal Gaussian to N(0, I).

    Args:
        mean: (batch, latent) float.
        log_variance: (batch, latent) float, natural log.

    Returns:
        (batch,) nats, non-negative up to rounding; summed over latents.

    Source: Kingma & Welling 2013, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1)


def kl_to_nearest_normal(
    mean: Tensor, log_variance: Tensor, prior_mean: float | Tensor, dead_zone: float
) -> Tensor:
    """KL divergence to the nearest unit normal with a mean within `dead_zone` of `prior_mean`.

    A mean may lie anywhere in that band at no cost. With a band above zero, a latent that is not
    the label latent still tells the decoder something through a ReLU; with a single prior
    at zero it is pulled there and tells nothing.

    Args:
        mean: (batch, latent) float.
        log_variance: (batch, latent) float, natural log.
        prior_mean: centre of the band; of every latent, or (batch, latent).
        dead_zone: half of its width; 0 is a single prior N(prior_mean, I).

    Returns:
        (batch,) nats, non-negative up to rounding; summed over latents.
    """
    distance = mean - prior_mean
    return kl_to_standard_normal(distance - distance.clamp(-dead_zone, dead_zone), log_variance)


def kl_as_published(mean: Tensor, scale: Tensor) -> Tensor:
    """The published regulariser, which reads as a log-variance what sampling uses as a deviation.

    It lacks the half and the -1 of the closed form and averages over latents. It is smallest at
    scale 0, where sampling adds no noise.

    Args:
        mean: (batch, latent) float.
        scale: (batch, latent) float.

    Returns:
        (batch,) float; averaged over latents.

    Source: g-w1/gradient-routed-vae, `vae.py`, `calculate_loss`, commit 07c641d.
    """
    return (mean.square() + torch.exp(scale) - scale).mean(dim=1)
