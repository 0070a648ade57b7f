"""Gradient routing: the method under test, in one function.

Source: Cloud et al. 2024, "Gradient Routing: Masking Gradients to Localize Computation in Neural
Networks" (arXiv 2410.04332), section 3; the mask on the latents of an autoencoder follows
g-w1/gradient-routed-vae, `vae.py`, `encode_and_mask`, commit 07c641d.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def route_gradient(latents: Tensor, labels: Tensor) -> Tensor:
    """Let the gradient pass through the latent of each image's label only; every value passes.

    Args:
        latents: (batch, latent) float; latent d is meant to become digit d.
        labels: (batch,) int64 in [0, latent).

    Returns:
        (batch, latent) float, equal to `latents`. Backward, the gradient of latent j of an image
        with label d is untouched where j == d and exactly zero elsewhere.
    """
    is_own = F.one_hot(labels, latents.shape[1]).bool()
    return torch.where(is_own, latents, latents.detach())
