"""How a model classifies images, with warnings: a low margin, or an image out of distribution.

Both are measured with the model alone, without the images that it learnt from.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from grvae.model.vae import VAE
from grvae.use.out_of_distribution import (
    MNIST_LIMITS,
    Limits,
    reason_out_of_distribution,
    reconstruction_error,
)

CLOSE = 0.05  # the runner-up's chance of being the larger one


@dataclass(frozen=True)
class Classification:
    """How a model classifies one image.

    Attributes:
        means: of each latent.
        argmax: the number of the largest mean.
        runner_up: the number of the second largest one.
        runner_up_chance: that the runner-up's latent is larger than the first's, both drawn from
            the posterior; 0.5 at a tie.
        out_of_distribution: why the image is so; None where it is not.
    """

    means: list[float]
    argmax: int
    runner_up: int
    runner_up_chance: float
    out_of_distribution: str | None

    @property
    def warnings(self) -> list[str]:
        """In words; none for most images."""
        low = [f"low margin over {self.runner_up}"] if self.runner_up_chance > CLOSE else []
        far = self.out_of_distribution
        return low + ([f"out of distribution: {far}"] if far else [])


@torch.no_grad()
def classify_images(
    model: VAE, pixels: Tensor, limits: Limits = MNIST_LIMITS
) -> list[Classification]:
    """Classify images (image, pixel)."""
    means, scales = model.encode(pixels)
    ink, square = pixels.sum(dim=1), pixels.square().sum(dim=1)
    error = reconstruction_error(model, pixels)
    reasons = [
        reason_out_of_distribution(float(i), float(e), float(s), limits)
        for i, e, s in zip(ink, error, square, strict=True)
    ]
    largest, latents = means.topk(2, dim=1)
    # The difference of two independent normal latents is normal, too.
    stds = model.noise_std(scales).gather(1, latents).square().sum(dim=1).sqrt()
    chances = torch.special.ndtr((largest[:, 1] - largest[:, 0]) / stds.clamp(min=1e-9))
    return [
        Classification(
            means=mean.tolist(),
            argmax=int(latent[0]),
            runner_up=int(latent[1]),
            runner_up_chance=float(chance),
            out_of_distribution=why,
        )
        for mean, latent, chance, why in zip(means, latents, chances, reasons, strict=True)
    ]
