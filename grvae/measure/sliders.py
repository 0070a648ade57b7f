"""Sliders: what the latents of a digit do over the train split, and where a latent rests.

Figures, the demo and the study move latents by hand, and must move them over the same values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Of all images: the range that a latent reaches, but for a few outliers.
REACHED_PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class Sliders:
    """One slider a digit; each position is a whole vector of activated latents.

    Attributes:
        rest: (latent,), the median over all images: the value of a latent with nothing to say.
        low: (digit, latent), the digit's latents at the low end of what they are on images of the
            digit, all others at rest.
        high: (digit, latent), likewise at the high end.
        pure: (digit, latent), likewise at the median: the typical image of the digit.
    """

    rest: Tensor
    low: Tensor
    high: Tensor
    pure: Tensor

    def along(self, steps: int) -> Tensor:
        """Latents (digit, step, latent) along each slider, from its low to its high end."""
        parts = torch.linspace(0, 1, steps)[:, None]
        return torch.lerp(self.low[:, None], self.high[:, None], parts)


def read_sliders(
    latents: Tensor, labels: Tensor, own: Sequence[Sequence[int]], percentiles: Sequence[float]
) -> Sliders:
    """Read the sliders off the encodings of a set of images.

    Args:
        latents: (image, latent) float, activated means.
        labels: (image,) int64.
        own: latents of each digit; its slider moves them together.
        percentiles: of a digit's images, where its slider ends.
    """
    rest = latents.median(dim=0).values
    low, high, pure = (rest.repeat(len(own), 1) for _ in range(3))
    for digit, moved in enumerate(own):
        values = latents[labels == digit][:, moved]
        pure[digit, moved] = values.median(dim=0).values
        ends = torch.from_numpy(np.percentile(values.numpy(), percentiles, axis=0)).float()
        low[digit, moved], high[digit, moved] = ends
    return Sliders(rest, low, high, pure)


def reached_range(latents: Tensor) -> tuple[Tensor, Tensor]:
    """The low and the high end (latent,) of the values that images (image, latent) reach."""
    low, high = torch.from_numpy(np.percentile(latents.numpy(), REACHED_PERCENTILES, axis=0))
    return low.float(), high.float()


def latents_of_places(latents_per_class: int, places: Sequence[int]) -> list[list[int]]:
    """The latents (place, latent) at each of some places; a place is one digit's block."""
    return [
        list(range(place * latents_per_class, (place + 1) * latents_per_class)) for place in places
    ]
