"""Labelled images in memory, and what makes any of them a train and a test split."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PIL import Image

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.data.pictures import Bytes, Colours, squared

TEST_SHARE = 0.2  # of a set that comes in one piece
TEST_SEED = 0
FEWEST = 5  # images of a class to learn from
LONGEST_NAME = 100


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Attributes:
        images: (image, height, width) uint8 for grey, (image, height, width, 3) for rgb.
        labels: (image,) int64 in [0, classes).
        classes: their names, in the order of the labels.
    """

    images: Bytes
    labels: np.ndarray
    classes: tuple[str, ...] = MNIST.classes

    def __getitem__(self, chosen: np.ndarray) -> "Dataset":
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def counts(self) -> dict[str, int]:
        """Images by class, in the order of the labels."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))


def brought_to(images: Bytes, side: int, colours: Colours) -> Bytes:
    """Images in another size and other colours; as they are where nothing differs."""
    channels = () if colours == "grey" else (3,)
    if images.shape[1:] == (side, side, *channels):
        return images
    brought = np.empty((len(images), side, side, *channels), np.uint8)
    for image, target in zip(images, brought, strict=True):
        target[...] = squared(Image.fromarray(image), side, colours)
    return brought


def natural(name: str) -> tuple[object, ...]:
    """Sorts names as people do: 10 after 9, and case only where nothing else differs."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return *(int(part) if part.isdecimal() else part for part in parts), name


def class_names(train: Iterable[str], test: Iterable[str] | None, where: object) -> tuple[str, ...]:
    """The classes of a train split, sorted naturally, if they can be learned and measured.

    Args:
        train: the name of each image's class.
        test: the same of a test split; None where one is still to be cut.
        where: named in errors.

    Raises:
        GrvaeError: there are fewer than two, one has too few images, a name cannot be shown or
            differs from another by its case alone, or the test split has other classes.
    """
    counts = Counter(train)
    for name in counts:
        if not (name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
            raise GrvaeError(
                f"{where}: got the class name {name[:LONGEST_NAME]!a}, should be printable "
                f"and at most {LONGEST_NAME} characters"
            )
    names = tuple(sorted(counts, key=natural))
    if len(names) < 2:
        raise GrvaeError(f"{where}: got {len(names)} class with images, should be at least 2")
    for name, following in pairwise(names):
        if name.casefold() == following.casefold() and len(name) > 1:
            raise GrvaeError(f"{where}: the classes {name} and {following} differ by case alone")
    fewest = FEWEST if test is not None else 2 * FEWEST  # about a fifth is still to go
    few = min(names, key=lambda name: counts[name])
    if counts[few] < fewest:
        raise GrvaeError(
            f"{where}: got {counts[few]} of the class {few}, should be at least {fewest} images"
        )
    if test is not None:
        tested = set(test)
        if strange := sorted(tested - set(names), key=natural):
            raise GrvaeError(
                f"{where}: the test split has {strange[0]}, a class that train has not"
            )
        if missing := [name for name in names if name not in tested]:
            raise GrvaeError(
                f"{where}: the test split has nothing of the class {missing[0]}; add some, or take "
                "the test split away: one is then cut from train"
            )
    return names


def labelled(images: Bytes, names: Sequence[str], classes: tuple[str, ...]) -> Dataset:
    """Images with the name of each one's class."""
    number = {name: label for label, name in enumerate(classes)}
    return Dataset(images, np.array([number[name] for name in names], np.int64), classes)


def cut_test(dataset: Dataset) -> tuple[Dataset, Dataset]:
    """A train and a test split of a set in one piece: 80 % and 20 % of each class, at random."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(dataset.labels)),
        test_size=TEST_SHARE,
        stratify=dataset.labels,
        random_state=TEST_SEED,
    )
    return dataset[train], dataset[test]
