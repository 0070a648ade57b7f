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
