"""Sliders: what the latents of a class do over the train split, and the median of each latent.

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
    """One slider a class; each position is a whole vector of activated latents.

    Attributes:
        rest: (latent,), the median over all images.
        low: (class, latent), the class's latents at the low end of what they are on its images, all
            others at their medians.
        high: (class, latent), likewise at the high end.
        pure: (class, latent), likewise at the median: the typical image of the class.
    """

    rest: Tensor
    low: Tensor
    high: Tensor
    pure: Tensor

    def along(self, steps: int) -> Tensor:
        """Latents (class, step, latent) along each slider, from its low to its high end."""
        parts = torch.linspace(0, 1, steps)[:, None]
        return torch.lerp(self.low[:, None], self.high[:, None], parts)


def read_sliders(
    latents: Tensor,
    labels: Tensor,
    label_latents: Sequence[Sequence[int]],
    percentiles: Sequence[float],
) -> Sliders:
    """Read the sliders off the encodings of a set of images.

    Args:
        latents: (image, latent) float, activated means.
        labels: (image,) int64.
        label_latents: of each class; its slider moves them together.
        percentiles: of a class's images, where its slider ends.
    """
    rest = latents.median(dim=0).values
    low, high, pure = (rest.repeat(len(label_latents), 1) for _ in range(3))
    for label, moved in enumerate(label_latents):
        values = latents[labels == label][:, moved]
        pure[label, moved] = values.median(dim=0).values
        ends = torch.from_numpy(np.percentile(values.numpy(), percentiles, axis=0)).float()
        low[label, moved], high[label, moved] = ends
    return Sliders(rest, low, high, pure)


def reached_range(latents: Tensor) -> tuple[Tensor, Tensor]:
    """The low and the high end (latent,) of the values that images (image, latent) reach."""
    low, high = torch.from_numpy(np.percentile(latents.numpy(), REACHED_PERCENTILES, axis=0))
    return low.float(), high.float()


def latents_of_places(latents_per_class: int, places: Sequence[int]) -> list[list[int]]:
    """The latents (place, latent) at each of some places; a place is one class's block."""
    return [
        list(range(place * latents_per_class, (place + 1) * latents_per_class)) for place in places
    ]
