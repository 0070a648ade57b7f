"""What a model makes of images, and where its word is to be doubted.

Both doubts are measured with the model alone, without the images that it learnt from.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from grvae.model.vae import VAE
from grvae.use import doubt

CLOSE = 0.05  # the runner-up's chance of being the larger one


@dataclass(frozen=True)
class Reading:
    """One image as a model sees it.

    Attributes:
        means: of each latent.
        argmax: the number of the largest mean.
        runner_up: the number of the second largest one.
        runner_up_chance: that the runner-up's latent is larger than the first's, both drawn from
            the posterior; 0.5 at a tie.
        strange: why the image is unlike any training image; None where it is not.
    """

    means: list[float]
    argmax: int
    runner_up: int
    runner_up_chance: float
    strange: str | None

    @property
    def doubts(self) -> list[str]:
        """In words; none for most digits."""
        close = [f"close to {self.runner_up}"] if self.runner_up_chance > CLOSE else []
        unlike = [f"unlike any training image: {self.strange}"] if self.strange else []
        return close + unlike


@torch.no_grad()
def read_images(model: VAE, pixels: Tensor, limits: doubt.Limits = doubt.MNIST) -> list[Reading]:
    """Read images (image, 784)."""
    means, scales = model.encode(pixels)
    ink, square = pixels.sum(dim=1), pixels.square().sum(dim=1)
    error = doubt.reconstruction_error(model, pixels)
    strange = [
        doubt.strangeness(float(i), float(e), float(s), limits)
        for i, e, s in zip(ink, error, square, strict=True)
    ]
    largest, latents = means.topk(2, dim=1)
    # The difference of two independent normal latents is normal, too.
    stds = model.noise_std(scales).gather(1, latents).square().sum(dim=1).sqrt()
    chances = torch.special.ndtr((largest[:, 1] - largest[:, 0]) / stds.clamp(min=1e-9))
    return [
        Reading(
            means=mean.tolist(),
            argmax=int(latent[0]),
            runner_up=int(latent[1]),
            runner_up_chance=float(chance),
            strange=why,
        )
        for mean, latent, chance, why in zip(means, latents, chances, strange, strict=True)
    ]
