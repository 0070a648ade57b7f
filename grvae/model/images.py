"""Labelled images as two tensors in memory, and which of them are for validation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, SIDES, ImageSpec
from grvae.base.seeding import random_stream
from grvae.base.storage import load_arrays

AT_ONCE = 256  # images that a network is given at a time, where all would not fit in memory


@dataclass(frozen=True)
class ImageSet:
    """Flat images and their labels.

    Attributes:
        stored: (image, pixel) uint8, a quarter of what floats take, or float32 in [0, 1]; of an
            image with colours, first all of its red.
        labels: (image,) int64, each the place of a class.
        spec: what the images share.
    """

    stored: Tensor
    labels: Tensor
    spec: ImageSpec = MNIST

    @property
    def pixels(self) -> Tensor:
        """All pixels as `scaled` gives them: made anew each time, so ask for some images only."""
        return scaled(self.stored)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor | slice) -> "ImageSet":
        if isinstance(index, Tensor):  # copies whole rows: twice as fast as indexing
            stored, labels = (t.index_select(0, index) for t in (self.stored, self.labels))
            return replace(self, stored=stored, labels=labels)
        return replace(self, stored=self.stored[index], labels=self.labels[index])

    def parts(self) -> Iterator["ImageSet"]:
        """All images in their order, `AT_ONCE` at a time; of none, one part without any."""
        for stored, labels in zip(
            self.stored.split(AT_ONCE), self.labels.split(AT_ONCE), strict=True
        ):
            yield replace(self, stored=stored, labels=labels)

    def to(self, device: str) -> "ImageSet":
        """The same images in a device's memory; scaled before, as a GPU rounds otherwise."""
        if device == "cpu":
            return self
        return replace(self, stored=self.pixels.to(device), labels=self.labels.to(device))


def scaled(stored: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1], from bytes or from what they are already."""
    return stored if stored.is_floating_point() else stored.float() / 255


def by_parts(network: Callable[[Tensor], Tensor], stored: Tensor) -> Tensor:
    """What a network makes (image, ...) of stored images (image, pixel), `AT_ONCE` at a time.

    All has its place from the start: small results that are kept among the large ones of each part
    would fragment the memory, by some 100 MB.
    """
    first, *others = stored.split(AT_ONCE)
    made = network(scaled(first))
    result = made.new_empty(len(stored), *made.shape[1:])
    result[: len(made)] = made
    for place, part in zip(result.split(AT_ONCE)[1:], others, strict=True):
        place.copy_(network(scaled(part)))
    return result


def load_images(path: Path, may_be_empty: bool = False) -> ImageSet:
    """Read an image file written by the `download` stage; only a validation split may be empty.

    Raises:
        GrvaeError: the file is missing, corrupt, or does not hold labelled images.
    """
    arrays, about = load_arrays(path)
    images, labels = arrays.get("images"), arrays.get("labels")
    classes = tuple(about.get("classes", MNIST.classes))
    if (
        images is None
        or labels is None
        or (len(images) == 0 and not may_be_empty)
        or images.shape[:1] != labels.shape
        or images.ndim not in (3, 4)
        or images.shape[1] != images.shape[2]
        or images.shape[1] not in range(SIDES[0], SIDES[1] + 1, 4)
        or images.shape[3:] not in ((), (3,))
        or images.dtype != np.uint8
        or labels.dtype != np.int64
        or not np.isin(labels, range(len(classes))).all()
    ):
        raise GrvaeError(f"{path}: does not hold labelled images")
    spec = ImageSpec(classes, side=images.shape[1], colours=3 if images.ndim == 4 else 1)
    if images.ndim == 4:
        images = images.transpose(0, 3, 1, 2)
    stored = torch.from_numpy(np.ascontiguousarray(images)).flatten(start_dim=1)
    return ImageSet(stored, torch.from_numpy(labels), spec)


def as_pictures(pixels: Tensor, spec: ImageSpec) -> Tensor:
    """Flat images (..., pixel) as (..., side, side), or (..., side, side, 3) with colours."""
    planes: Tensor = pixels.unflatten(-1, (spec.colours, spec.side, spec.side))
    return planes.squeeze(-3) if spec.colours == 1 else planes.movedim(-3, -1)


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
