"""Labelled images as two tensors in memory, and which of them are for validation."""

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

    def to(self, device: str) -> "ImageSet":
        """The same images in a device's memory."""
        return ImageSet(self.pixels.to(device), self.labels.to(device))


def load_images(path: Path, may_be_empty: bool = False) -> ImageSet:
    """Read an image file written by the `download` stage; only a validation split may be empty.

    Raises:
        GrvaeError: the file is missing, corrupt, or does not hold labelled images.
    """
    arrays, _ = load_arrays(path)
    images, labels = arrays.get("images"), arrays.get("labels")
    if (
        images is None
        or labels is None
        or (len(images) == 0 and not may_be_empty)
        or images.shape != (len(labels), SIDE, SIDE)
        or images.dtype != np.uint8
        or labels.dtype != np.int64
        or not np.isin(labels, range(DIGITS)).all()
    ):
        raise GrvaeError(f"{path}: does not hold labelled images of {SIDE}x{SIDE} pixels")
    pixels = torch.from_numpy(images).flatten(start_dim=1).float() / 255
    return ImageSet(pixels, torch.from_numpy(labels))


def draw_validation(images: int, fraction: float) -> tuple[Tensor, Tensor]:
    """Choose a random validation split from a train split; it is the same for every run.

    Args:
        images: size of the train split.
        fraction: share of the images that goes to validation, in [0, 1).

    Returns:
        The positions left for training and those for validation, which may be none.
    """
    order = torch.randperm(images, generator=random_stream(0, "split"))
    n_validation = round(fraction * images)
    return order[n_validation:], order[:n_validation]
