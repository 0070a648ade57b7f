"""What a latent does over the train split: where it rests, how far it goes, how a digit uses it.

Both the figures and the demo move latents by hand, and must move them over the same values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

RANGE_PERCENTILES = (0.5, 99.5)
OWN_PERCENTILES = (5, 95)


@dataclass(frozen=True)
class LatentRanges:
    """Values of activated latents.

    Attributes:
        rest: (latent,), the median over all images: the value of a latent with nothing to say.
        low: (latent,), the low end of the range that images reach.
        high: (latent,), the high end.
        own_low: (latent,), the low end for images of the latent's own digit.
        own_high: (latent,), the high end for these.
        pure: (digit, latent), each digit's own latent at its median over that digit's images and
            all others at rest: the typical image of the digit, said with one latent.
    """

    rest: Tensor
    low: Tensor
    high: Tensor
    own_low: Tensor
    own_high: Tensor
    pure: Tensor


def latent_ranges(latents: Tensor, labels: Tensor, assignment: Sequence[int]) -> LatentRanges:
    """Read the ranges off the encodings of a set of images.

    Args:
        latents: (image, latent) float, activated means.
        labels: (image,) int64.
        assignment: digit (latent,) of each latent, one to one.
    """
    rest = latents.median(dim=0).values
    quantiles = np.percentile(latents.numpy(), RANGE_PERCENTILES, axis=0)
    low, high = torch.from_numpy(quantiles).float()
    pure, own_low, own_high = rest.repeat(len(assignment), 1), low.clone(), high.clone()
    for latent, digit in enumerate(assignment):
        own = latents[labels == digit, latent]
        pure[digit, latent] = own.median()
        ends = np.percentile(own.numpy(), OWN_PERCENTILES)
        own_low[latent], own_high[latent] = torch.from_numpy(ends).float()
    return LatentRanges(rest, low, high, own_low, own_high, pure)


@dataclass(frozen=True)
class DigitSliders:
    """The ends of one slider a digit, each a whole vector of activated latents.

    Attributes:
        rest: (latent,), as in `LatentRanges`.
        low: (digit, latent), the digit's latents at the low end of what they are on images of the
            digit, all others at rest.
        high: (digit, latent), likewise at the high end.
        pure: (digit, latent), likewise at the median.
    """

    rest: Tensor
    low: Tensor
    high: Tensor
    pure: Tensor


def digit_sliders(latents: Tensor, labels: Tensor, own: Sequence[Sequence[int]]) -> DigitSliders:
    """Read sliders off the encodings of a set of images, for any number of latents a digit.

    Args:
        latents: (image, latent) float, activated means.
        labels: (image,) int64.
        own: latents of each digit; the slider moves them together.
    """
    rest = latents.median(dim=0).values
    low, high, pure = (rest.repeat(len(own), 1) for _ in range(3))
    for digit, moved in enumerate(own):
        values = latents[labels == digit][:, moved]
        pure[digit, moved] = values.median(dim=0).values
        ends = torch.from_numpy(np.percentile(values.numpy(), OWN_PERCENTILES, axis=0)).float()
        low[digit, moved], high[digit, moved] = ends
    return DigitSliders(rest, low, high, pure)


def own_latents(assignment: Sequence[int], digits: int) -> list[list[int]]:
    """The latents of each digit, from the digit (latent,) of each; other numbers are nobody's."""
    return [
        [latent for latent, named in enumerate(assignment) if named == digit]
        for digit in range(digits)
    ]
