"""The page's `ink.js` in Python, line by line, for images of 28 x 28 pixels.

MNIST's digits were fitted into 20 x 20 pixels, keeping their proportions, and then moved by whole
pixels until their centre of mass was at pixel (14, 14) (LeCun et al. 1998; measured on all 70,000
images: the longer side is 20 in 69,984 of them).
"""

import numpy as np

from grvae.base.image_spec import MNIST
from grvae.data.pictures import centre

SIDE = MNIST.side
BOX = 20
PEN = 2.4  # width in pixels; about what MNIST's strokes have
SMALLEST = 0.08  # of the pad; a smaller drawing is a dot and is not enlarged to fill the box
# A symmetric drawing lies half way between two pixels. Which one it goes to must not depend on the
# grid that a pad rounds its points to.
STROKE_TIE = 0.1


def draw_strokes(strokes):
    """Strokes of points (x, y) in [0, 1] as (784,) float32 in [0, 1]; None where there is none."""
    lines = [np.array(stroke, float).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not lines:
        return None
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (BOX - PEN) / max(*(high - low), SMALLEST)
    placed = [SIDE / 2 + (line - (low + high) / 2) * scale for line in lines]
    return centre(inked(placed), STROKE_TIE).reshape(MNIST.pixels)


def inked(strokes):
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
