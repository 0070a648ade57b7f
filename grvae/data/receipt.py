"""What was found in a set and what became of it: a JSON-able record, and its lines in words."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grvae.data.folder import Seen
from grvae.data.labelled import TEST_SEED, TEST_SHARE, Dataset
from grvae.data.pictures import Bytes

FEW = 30  # classes that are told one by one
AT_ONCE = 1000  # images whose polarity is found at a time: all would not fit in memory
SHOWN = 5  # skipped files that are named; the record names all


def receipt_of(name: str, train: Dataset, test: Dataset, seen: Seen) -> dict[str, Any]:
    """The record of a set.

    Returns:
        `classes` in the order of their labels; `images` a split and class; `side` and `colours` of
        what was made; `sizes` met, as [width, height]; `polarity`, images a kind; `skipped`, why,
        by path; `test_cut`, share and seed of a test split that was cut here, or null;
        `test_images_in_train`, of the same pixels.
    """
    sizes = sorted(seen.sizes, key=lambda size: (size[0] * size[1], size))
    known = {sha256(image.tobytes()).digest() for image in train.images}
    light_on_dark = sum(
        int(is_light_on_dark(part.images[start : start + AT_ONCE]).sum())
        for part in (train, test)
        for start in range(0, len(part.labels), AT_ONCE)
    )
    return {
        "dataset": name,
        "layout": seen.layout,
        "classes": list(train.classes),
        "images": {"train": train.counts(), "test": test.counts()},
        "side": train.images.shape[1],
        "colours": "grey" if train.images.ndim == 3 else "rgb",
        "sizes": {"different": len(sizes), "smallest": sizes[0], "largest": sizes[-1]}
        if sizes
        else None,
        "polarity": {
            "light_on_dark": light_on_dark,
            "dark_on_light": len(train.labels) + len(test.labels) - light_on_dark,
        },
        "test_cut": {"share": TEST_SHARE, "seed": TEST_SEED} if seen.test_was_cut else None,
        "test_images_in_train": sum(
            sha256(image.tobytes()).digest() in known for image in test.images
        ),
        "skipped": seen.skipped,
    }


def is_light_on_dark(images: Bytes) -> NDArray[np.bool_]:
    """(image,) whether each image is brighter than the median of its edge."""
    grey = images if images.ndim == 3 else images.mean(axis=3)
    edges = [grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]]
    edge = np.median(np.concatenate(edges, axis=1), axis=1)
    brighter: NDArray[np.bool_] = grey.mean(axis=(1, 2)) > edge
    return brighter


def in_words(receipt: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a record."""
    train, test = receipt["images"]["train"], receipt["images"]["test"]
    yield (
        f"{receipt['dataset']}: {receipt['layout']}, {len(receipt['classes'])} classes, "
        f"{sum(train.values())} images to learn from and {sum(test.values())} to test on"
    )
    if cut := receipt["test_cut"]:
        yield f"  test split: {cut['share']:.0%} of each class, cut with seed {cut['seed']}"
    if len(train) <= FEW:
        yield "  " + ", ".join(f"{name} {train[name]} + {test[name]}" for name in train)
    else:
        yield f"  from {min(train.values())} to {max(train.values())} to learn from a class"
    if sizes := receipt["sizes"]:
        (w, h), (wide, high) = sizes["smallest"], sizes["largest"]
        several = f"{sizes['different']} sizes from {w}x{h} to {wide}x{high}"
        met = several if sizes["different"] > 1 else f"all {w}x{h}"
        yield f"  {met}, now {receipt['side']}x{receipt['side']} {receipt['colours']}"
    light, dark = receipt["polarity"].values()
    yield f"  {light} light on dark, {dark} dark on light"
    if same := receipt["test_images_in_train"]:
        yield f"  {same} images of the test split are in the train split, too"
    skipped = list(receipt["skipped"].items())
    if skipped:
        yield f"  skipped: {len(skipped)}"
        yield from (f"    {path}: {why}" for path, why in skipped[:SHOWN])
