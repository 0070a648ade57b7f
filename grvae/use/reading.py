"""What a model makes of images, and where its word is to be doubted.

Both doubts are measured with the model alone, without the images that it learnt from. In MNIST's
test split, the default model (seed 10) has a close runner-up in 67 % of the digits that it misreads
and in 4 % of the others; 1 % of all digits are unlike those that it learnt.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from grvae.model.losses import squared_error
from grvae.model.vae import VAE

CLOSE = 0.05  # the runner-up's chance of being the larger one
UNLIKE = 0.8  # the share of an image that its reconstruction misses


@dataclass(frozen=True)
class Reading:
    """One image as a model sees it.

    Attributes:
        means: of each latent.
        argmax: the number of the largest mean.
        runner_up: the number of the second largest one; None where there is one latent only.
        runner_up_chance: that the runner-up's latent is larger than the first's, both drawn from
            the posterior; 0.5 at a tie.
        missed: squared error of the reconstruction over the image's own sum of squares; 1 is what
            a black image would miss.
    """

    means: list[float]
    argmax: int
    runner_up: int | None
    runner_up_chance: float
    missed: float

    @property
    def doubts(self) -> list[str]:
        """In words; none for most digits."""
        close = [f"close to {self.runner_up}"] if self.runner_up_chance > CLOSE else []
        return close + (["unlike any training image"] if self.missed > UNLIKE else [])


@torch.no_grad()
def read_images(model: VAE, pixels: Tensor) -> list[Reading]:
    """Read images (image, 784)."""
    means, scales = model.encode(pixels)
    reconstructions = torch.sigmoid(model.decode(model.activate(means)))
    missed = squared_error(pixels, reconstructions) / pixels.square().sum(dim=1).clamp(min=1e-9)
    largest, latents = means.topk(min(2, means.shape[1]), dim=1)
    # The difference of two independent normal latents is normal, too.
    stds = model.noise_std(scales).gather(1, latents).square().sum(dim=1).sqrt()
    chances = torch.special.ndtr((largest[:, -1] - largest[:, 0]) / stds.clamp(min=1e-9))
    alone = means.shape[1] == 1
    return [
        Reading(
            means=mean.tolist(),
            argmax=int(latent[0]),
            runner_up=None if alone else int(latent[1]),
            runner_up_chance=0.0 if alone else float(chance),
            missed=float(share),
        )
        for mean, latent, chance, share in zip(means, latents, chances, missed, strict=True)
    ]
