"""From the strokes of a pen to an image like MNIST's.

`grvae.data.pictures.boxed` makes one from a picture, `draw_strokes` from strokes. The page's
`ink.js` is `draw_strokes` line by line, and a test compares the two.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from grvae.base.image_spec import MNIST
from grvae.data.pictures import centre

BOX = 20
PEN = 2.4  # width in pixels of 28 x 28; about what MNIST's strokes have
SMALLEST = 0.08  # of the pad; a smaller drawing is a dot and is not enlarged to fill the box
# A symmetric drawing lies half way between two pixels. Which one it goes to must not depend on the
# grid that a pad rounds its points to.
STROKE_TIE = 0.1

SIDE = MNIST.side

Stroke = Sequence[tuple[float, float]]


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
    return centre(_ink(placed), STROKE_TIE).reshape(MNIST.pixels)


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
