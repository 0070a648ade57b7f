"""Where an image is out of distribution: one rule, for the command and for the page.

`outOfDistribution` in the page's model.js is the same in JavaScript, and a test asks both the same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.model.images import ImageSet
from grvae.model.losses import squared_error
from grvae.model.vae import VAE

# Of the training images: hardly any has a larger error, or more or less ink, than these tell.
ERROR_PERCENTILE = 99.5
INK_PERCENTILES = (0.1, 99.9)
EVERY = 5  # training image is enough for a percentile of the errors


@dataclass(frozen=True)
class Limits:
    """What hardly any training image of a model exceeds.

    Attributes:
        low_ink, high_ink: of the sum of pixels; of colours, of all three.
        high_error: of the reconstruction's squared error.
        high_error_share: of that error over the image's own sum of squares; 1 is what a black
            image would miss.
    """

    low_ink: float
    high_ink: float
    high_error: float
    high_error_share: float


@repeatable(has_convolutions=True)
@torch.no_grad()
def limits_of(model: VAE, train: ImageSet) -> Limits:
    """The limits of a model that learnt from these images."""
    some = [part.pixels for part in train[::EVERY].parts()]
    error = torch.cat([reconstruction_error(model, pixels) for pixels in some])
    square = torch.cat([pixels.square().sum(dim=1) for pixels in some])
    share = error / square.clamp(min=1e-6)
    ink = torch.cat([part.pixels.sum(dim=1) for part in train.parts()])
    low_ink, high_ink = np.percentile(ink.numpy(), INK_PERCENTILES)
    return Limits(
        low_ink=float(low_ink),
        high_ink=float(high_ink),
        high_error=float(np.percentile(error.numpy(), ERROR_PERCENTILE)),
        high_error_share=float(np.percentile(share.numpy(), ERROR_PERCENTILE)),
    )


def reconstruction_error(model: VAE, pixels: Tensor) -> Tensor:
    """Squared error (image,) of what a model draws from the means of images (image, pixel)."""
    means, _ = model.encode(pixels)
    return squared_error(pixels, torch.sigmoid(model.decode(model.activate(means))))


def reason_out_of_distribution(
    ink: float, error: float, square: float, limits: Limits
) -> str | None:
    """Why an image is out of distribution; None where it is not.

    Args:
        ink: its sum of pixels.
        error: its reconstruction's squared error.
        square: its sum of squared pixels.
        limits: of the model.
    """
    if ink < limits.low_ink:
        return "less ink"
    if ink > limits.high_ink:
        return "more ink"
    if error > limits.high_error or error > limits.high_error_share * square:
        return "large reconstruction error"
    return None
