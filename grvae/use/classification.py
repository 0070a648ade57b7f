"""How a model classifies images, with warnings: a low margin, or an image out of distribution.

Both are measured with the model and its limits, without the images that it has learned from.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from grvae.measure.out_of_distribution import (
    Limits,
    reason_out_of_distribution,
    reconstruction_error,
)
from grvae.model.vae import VAE

CLOSE = 0.05  # the runner-up's chance of being the larger one


@dataclass(frozen=True)
class Classification:
    """How a model classifies one image.

    Attributes:
        name: of the class of the largest mean.
        argmax: the number of the latent with the largest mean.
        means: of each latent.
        runner_up: the name of the class of the second largest mean.
        runner_up_chance: that the runner-up's latent is larger than the first's, both drawn from
            the posterior; 0.5 at a tie.
        out_of_distribution: why the image is so; None where it is not, or where nobody knows the
            limits.
    """

    name: str
    argmax: int
    means: list[float]
    runner_up: str
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
    model: VAE, pixels: Tensor, limits: Limits | None = None
) -> list[Classification]:
    """Classify images (image, pixel); see `grvae.measure.out_of_distribution` for the limits."""
    spec = model.architecture.images
    means, scales = model.encode(pixels)
    reasons: list[str | None] = [None] * len(pixels)
    if limits is not None:
        ink, square = pixels.sum(dim=1), pixels.square().sum(dim=1)
        reasons = [
            reason_out_of_distribution(float(i), float(e), float(s), limits)
            for i, e, s in zip(ink, reconstruction_error(model, pixels), square, strict=True)
        ]
    largest, latents = means.topk(2, dim=1)
    # The difference of two independent normal latents is normal, too.
    stds = model.noise_std(scales).gather(1, latents).square().sum(dim=1).sqrt()
    chances = torch.special.ndtr((largest[:, 1] - largest[:, 0]) / stds.clamp(min=1e-9))
    classes = latents * len(spec.classes) // model.architecture.latents
    is_drawn = spec.colours == 1 and max(map(len, spec.classes)) == 1
    noun = "ink" if is_drawn else "light"  # in the page's words
    return [
        Classification(
            name=spec.classes[first],
            runner_up=spec.classes[second],
            runner_up_chance=float(chance),
            means=mean.tolist(),
            argmax=int(latent),
            out_of_distribution=why and why.replace("ink", noun),
        )
        for (first, second), chance, mean, latent, why in zip(
            classes.tolist(), chances, means, latents[:, 0], reasons, strict=True
        )
    ]
