"""From ink to an image like MNIST's: the one rule for what is drawn, scanned or photographed.

MNIST's digits were fitted into 20 x 20 pixels, keeping their proportions, and then moved by whole
pixels until their centre of mass was at pixel (14, 14) of 28 x 28 (LeCun et al. 1998; measured on
all 70,000 images: the longer side is 20 in 69,984 of them). `normalise` does this to a picture,
`draw_strokes` to the strokes of a pen. The browser demo's `ink.js` is `draw_strokes` line by line,
and a test compares the two.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grvae.base.sizes import PIXELS, SIDE

BOX = 20
CENTRE = 14
PEN = 2.4  # width in pixels of 28 x 28; about what MNIST's strokes have
SMALLEST = 0.08  # of the pad; a smaller drawing is a dot and is not enlarged to fill the box
# A symmetric picture lies half way between two pixels. Which one it goes to must depend neither on
# the last bit nor, for strokes, on the grid that a pad rounds its points to.
TIE = 1e-6
STROKE_TIE = 0.1

Stroke = Sequence[tuple[float, float]]


def normalise(ink: NDArray[np.floating]) -> NDArray[np.float32]:
    """Crop, scale and centre a picture as MNIST's digits were.

    Args:
        ink: (height, width) float in [0, 1], light ink on dark paper of exactly 0. Paper that is
            not 0 counts as ink: take a scan's background off first.

    Returns:
        (784,) float32 in [0, 1]. A picture that is normalised already comes back as it was.

    Raises:
        ValueError: it is not a picture of numbers in [0, 1], or there is no ink on it.
    """
    ink = np.asarray(ink)
    if ink.ndim != 2 or not np.all((ink >= 0) & (ink <= 1)):
        raise ValueError("ink: should be a picture (height, width) of numbers in [0, 1]")
    rows, columns = np.nonzero(ink.any(axis=1))[0], np.nonzero(ink.any(axis=0))[0]
    if len(rows) == 0:
        raise ValueError("ink: there is none")
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(cropped.shape)
    height, width = (max(1, round(side * scale)) for side in cropped.shape)
    scaled = Image.fromarray(cropped.astype(np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.BOX
    )
    image = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    image[top : top + height, left : left + width] = np.clip(np.asarray(scaled), 0, 1)
    return centre(image, TIE).reshape(PIXELS)


def draw_strokes(strokes: Iterable[Stroke]) -> NDArray[np.float32] | None:
    """Ink strokes with a pen of MNIST's width, fitted and centred as MNIST's digits were.

    Strokes are scaled as geometry, so that a small drawing does not come out bold.

    Args:
        strokes: each a list of points (x, y) in [0, 1], y down.

    Returns:
        (784,) float32 in [0, 1], or None where there is no point.
    """
    lines = [np.array(stroke, float).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not lines:
        return None
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (BOX - PEN) / max(*(high - low), SMALLEST)
    placed = [SIDE / 2 + (line - (low + high) / 2) * scale for line in lines]
    return centre(_ink(placed), STROKE_TIE).reshape(PIXELS)


def _ink(strokes: Iterable[NDArray[np.float64]]) -> NDArray[np.float32]:
    """A pixel is as bright as the pen covers it: fully inside, by distance across its edge."""
    image = np.zeros((SIDE, SIDE))
    centres = np.arange(SIDE) + 0.5
    x, y = centres[None, :], centres[:, None]
    for stroke in strokes:
        for start, end in zip(stroke[[0, *range(len(stroke) - 1)]], stroke, strict=True):
            dx, dy = end - start
            length2 = dx * dx + dy * dy
            along = ((x - start[0]) * dx + (y - start[1]) * dy) / length2 if length2 else 0.0
            part = np.clip(along, 0, 1)
            distance = np.hypot(x - start[0] - part * dx, y - start[1] - part * dy)
            image = np.maximum(image, np.clip(PEN / 2 + 0.5 - distance, 0, 1))
    return image.astype(np.float32)


def centre(image: NDArray[np.float32], tie: float) -> NDArray[np.float32]:
    """Move an image (28, 28) by whole pixels until its centre of mass is at pixel (14, 14).

    Up to `tie` pixels short of half way it goes right and down.
    """
    rows, columns = np.indices(image.shape)
    mass = image.sum(dtype=np.float64)
    down, right = (
        math.floor(CENTRE - (image * places).sum(dtype=np.float64) / mass + 0.5 + tie)
        for places in (rows, columns)
    )
    moved = np.zeros_like(image)
    source = image[max(0, -down) : SIDE - max(0, down), max(0, -right) : SIDE - max(0, right)]
    top, left = max(0, down), max(0, right)
    moved[top : top + source.shape[0], left : left + source.shape[1]] = source
    return moved
