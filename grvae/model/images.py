"""Labelled images as two tensors in memory, and the validation split."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.sizes import DIGITS, SIDE
from grvae.base.storage import load_arrays


@dataclass(frozen=True)
class ImageSet:
    """Flat images and their labels.

    Attributes:
        pixels: (image, 784) float32 in [0, 1].
        labels: (image,) int64 in [0, 10).
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor | slice) -> "ImageSet":
        if isinstance(index, Tensor):  # copies whole rows: twice as fast as indexing
            return ImageSet(self.pixels.index_select(0, index), self.labels.index_select(0, index))
        return ImageSet(self.pixels[index], self.labels[index])


def load_images(path: Path) -> ImageSet:
    """Read an image file written by the `download` stage.

    Raises:
        GrvaeError: the file is missing, corrupt, or does not hold labelled images.
    """
    arrays, _ = load_arrays(path)
    images, labels = arrays.get("images"), arrays.get("labels")
    if (
        images is None
        or labels is None
        or len(images) == 0
        or images.shape != (len(labels), SIDE, SIDE)
        or images.dtype != np.uint8
        or labels.dtype != np.int64
        or not np.isin(labels, range(DIGITS)).all()
    ):
        raise GrvaeError(f"{path}: does not hold labelled images of {SIDE}x{SIDE} pixels")
    pixels = torch.from_numpy(images).flatten(start_dim=1).float() / 255
    return ImageSet(pixels, torch.from_numpy(labels))


def split_validation(images: ImageSet, fraction: float) -> tuple[ImageSet, ImageSet]:
    """Cut a random validation split from the train split; it is the same for every run.

    Args:
        images: the train split.
        fraction: share of the images that goes to validation, in [0, 1).

    Returns:
        The images left for training and those for validation, which may be none.
    """
    order = torch.randperm(len(images), generator=random_stream(0, "split"))
    n_validation = round(fraction * len(images))
    return images[order[n_validation:]], images[order[:n_validation]]
