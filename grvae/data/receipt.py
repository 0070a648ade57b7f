"""What was found in a set and what became of it: a JSON-able record, and its lines in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grvae.data.folder import Seen
from grvae.data.labelled import TEST_SEED, TEST_SHARE, Dataset
from grvae.data.pictures import Bytes

FEW = 30  # classes that are told one by one
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
    known = {image.tobytes() for image in train.images}
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
        "polarity": polarity(np.concatenate([train.images, test.images])),
        "test_cut": {"share": TEST_SHARE, "seed": TEST_SEED} if seen.test_was_cut else None,
        "test_images_in_train": sum(image.tobytes() in known for image in test.images),
        "skipped": seen.skipped,
    }


def polarity(images: Bytes) -> dict[str, int]:
    """How many images are brighter than their edge, and how many darker."""
    grey = images if images.ndim == 3 else images.mean(axis=3)
    edges = [grey[:, 0], grey[:, -1], grey[:, 1:-1, 0], grey[:, 1:-1, -1]]
    edge = np.median(np.concatenate(edges, axis=1), axis=1)
    brighter = int((grey.mean(axis=(1, 2)) > edge).sum())
    return {"light_on_dark": brighter, "dark_on_light": len(images) - brighter}


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
        yield (
            f"  {sizes['different']} sizes from {w}x{h} to {wide}x{high}, now "
            f"{receipt['side']}x{receipt['side']} {receipt['colours']}"
        )
    light, dark = receipt["polarity"].values()
    yield f"  {light} light on dark, {dark} dark on light"
    if same := receipt["test_images_in_train"]:
        yield f"  {same} images of the test split are in the train split, too"
    skipped = list(receipt["skipped"].items())
    if skipped:
        yield f"  skipped: {len(skipped)}"
        yield from (f"    {path}: {why}" for path, why in skipped[:SHOWN])
