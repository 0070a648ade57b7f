"""Gradient routing: the method under test.

Each image sends the gradient of its reconstruction back through some latents only. Which ones is a
table of shares in [0, 1]: a row for each digit, a column for each latent.

Source: Cloud et al. 2024, "Gradient Routing: Masking Gradients to Localize Computation in Neural
Networks" (arXiv 2410.04332), section 3; the mask on the latents of an autoencoder follows
g-w1/gradient-routed-vae, `vae.py`, `encode_and_mask`, commit 07c641d.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from grvae.base.sizes import DIGITS

# The route of an image that is not routed: the row after those of the digits.
UNROUTED = DIGITS


def route_gradient(latents: Tensor, shares: Tensor) -> Tensor:
    """Let a share of the gradient pass through each latent; every value passes.

    Args:
        latents: (batch, latent) float.
        shares: (batch, latent) float in [0, 1]; 0 detaches a latent, 1 leaves it alone.

    Returns:
        (batch, latent) float, equal to `latents`. Backward, the gradient is multiplied by `shares`.
    """
    return torch.lerp(latents.detach(), latents, shares)


def latent_map(
    groups: Sequence[Sequence[int]], latents_per_group: int, free_latents: int
) -> Tensor:
    """Which latents belong to which digits.

    Args:
        groups: digits that share latents; `[[0], [1], ...]` gives each digit its own.
        latents_per_group: size of each group's block of latents, in the order of the groups.
        free_latents: latents after the blocks that belong to every digit.

    Returns:
        (digit, latent) float, 1 where the latent is the digit's and 0 elsewhere.
    """
    blocks = latents_per_group * len(groups)
    owned = torch.zeros(DIGITS, blocks + free_latents)
    for number, digits in enumerate(groups):
        first = number * latents_per_group
        owned[list(digits), first : first + latents_per_group] = 1
    owned[:, blocks:] = 1
    return owned


def gradient_shares(owned: Tensor, off_route: float) -> Tensor:
    """The share of the gradient that each latent gets from the images of each route.

    Args:
        owned: (digit, latent), see `latent_map`.
        off_route: share that reaches the latents of other digits; 0 is routing, 1 is none.

    Returns:
        (route, latent) float: a row for each digit, then one of ones for `UNROUTED`.
    """
    return torch.cat([owned.clamp(min=off_route), torch.ones(1, owned.shape[1])])


def choose_routes(
    labels: Tensor, routed_images: float, wrong_labels: float, stream: torch.Generator
) -> Tensor:
    """The route (image,) of each image, for a whole training: its label, a wrong one, or none.

    Args:
        labels: (image,) int64.
        routed_images: share of the images that are routed; the others are `UNROUTED`.
        wrong_labels: share of the routed images that take the route of another digit, any of the
            nine alike.
        stream: draws both choices.
    """
    draw = torch.rand(2, len(labels), generator=stream)
    other = torch.randint(1, DIGITS, labels.shape, generator=stream)
    routes = torch.where(draw[0] < wrong_labels, (labels + other) % DIGITS, labels)
    return torch.where(draw[1] < routed_images, routes, UNROUTED)


def digit_scores(means: Tensor, latents_per_digit: int) -> Tensor:
    """What the latents say of each digit: the largest mean (image, digit) of the digit's own."""
    own = means[:, : DIGITS * latents_per_digit]
    return own.reshape(-1, DIGITS, latents_per_digit).amax(dim=2)
