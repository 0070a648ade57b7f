"""Picture files of any kind in; out, colours to look for ink in, or an image of the set's size.

The one rule for a set of pictures: the first frame is turned as its EXIF says, laid on opaque paper
and scaled, with its proportions kept, until its longer side fits; what is left of the square gets
the median colour of the picture's edge. `grvae encode` opens files in the same way; what it then
does to a digit begins in `grvae.use.pictures` and ends in `boxed`, as for the letters of fonts.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from grvae.base.errors import GrvaeError

Floats = NDArray[np.floating]
Bytes = NDArray[np.uint8]
Colours = Literal["grey", "rgb"]

LARGEST_SIDE = 800  # a larger picture is made smaller first: no stroke needs more
# MNIST's digits were fitted into 20 x 20 pixels of 28 x 28.
BOX_SHARE = 20 / 28
# A symmetric picture lies half way between two pixels. Which one it goes to must not depend on the
# last bit.
TIE = 1e-6


class PictureError(GrvaeError):
    """A file that is no picture, or a broken one; `reason` says so without its name."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(f"{message}: {reason}")
        self.reason = reason


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """The first frame of an image file, upright; whatever is broken in it is said in one line.

    Raises:
        PictureError: the file is missing or is no image; or a part of it that is read in the
            `with` block is broken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a picture may have broken notes beside its pixels
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_formats()) as image:
                yield ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        raise PictureError(f"{path}", "is no image") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"{path}", "has too many pixels") from error
    except (GrvaeError, MemoryError):
        raise
    except Exception as error:  # Pillow's readers let through whatever they meet in a broken file
        reason = getattr(error, "strerror", None) or "broken image file"
        raise PictureError(f"cannot read {path}", reason) from error


@cache
def _formats() -> list[str]:
    """All that Pillow reads but EPS, which is a program that Ghostscript would run."""
    Image.init()
    return [name for name in Image.OPEN if name != "EPS"]


@cache
def picture_suffixes() -> frozenset[str]:
    """How the names of pictures end, in lower case."""
    formats = _formats()
    return frozenset(
        suffix for suffix, name in Image.registered_extensions().items() if name in formats
    )


def opaque(image: Image.Image) -> Image.Image:
    """8-bit RGB, or grey of mode "F" in [0, 1] where there were more bits; of bounded size.

    Transparent parts become white, or black where that shows more: light ink is on dark paper.
    """
    if image.mode.startswith(("I", "F")):  # more than 8 bits of grey
        grey = np.nan_to_num(np.array(image, dtype=np.float64), posinf=0, neginf=0)
        lowest = min(0.0, float(grey.min()))
        full = 65535.0 if image.mode.startswith("I") else 1.0
        grey = (grey - lowest) / max(full, float(grey.max()) - lowest)
        return _shrink(Image.fromarray(grey.astype(np.float32)))
    if not image.has_transparency_data:
        return _shrink(image.convert("RGB"))
    rgba = image.convert("RGBA")
    papers = (Image.new("RGBA", rgba.size, paper) for paper in ("white", "black"))
    on_white, on_black = (
        _shrink(Image.alpha_composite(paper, rgba).convert("RGB")) for paper in papers
    )
    return on_black if np.ptp(np.array(on_black)) > np.ptp(np.array(on_white)) else on_white


def _shrink(image: Image.Image) -> Image.Image:
    factor = -(-max(image.size) // LARGEST_SIDE)
    return image.reduce(factor) if factor > 1 else image


def as_colours(image: Image.Image) -> Floats:
    """Colours (height, width, 3) in [0, 1] of what `opaque` gave."""
    if image.mode == "F":
        return np.repeat(np.array(image)[..., None], 3, axis=2)
    return np.array(image, np.float32) / 255


def scaled(image: Image.Image, longer_side: int) -> Image.Image:
    """The image with its longer side as given and its proportions kept."""
    scale = longer_side / max(image.size)
    if scale == 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize(
        (width, height), Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.BOX
    )


def squared(image: Image.Image, side: int, colours: Colours) -> Bytes:
    """Bring an opaque image to a set's size and colours, by the rule of this module.

    Args:
        image: of mode "L", "RGB", or "F" in [0, 1].
        side: pixels of the square.
        colours: what the set has.

    Returns:
        (side, side) uint8 for grey, (side, side, 3) for rgb.
    """
    if image.mode == "F":
        image = Image.fromarray(np.round(np.array(image) * 255).astype(np.uint8))
    image = image.convert("L" if colours == "grey" else "RGB")
    small = np.array(scaled(image, side))
    if small.shape[:2] == (side, side):
        return small
    pixels = np.array(image)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    square = np.empty((side, side, *small.shape[2:]), np.uint8)
    square[:] = np.median(edge, axis=0)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def boxed(ink: Floats, side: int) -> NDArray[np.float32]:
    """Crop, scale and centre a picture of ink as MNIST's digits were.

    Args:
        ink: (height, width) float in [0, 1], light ink, and there is some, on dark paper of exactly
            0. Paper that is not 0 counts as ink: take a scan's background off first.
        side: pixels of the square; the ink's longer side gets 20 of 28.

    Returns:
        (side, side) float32 in [0, 1]. A picture that is so already comes back as it was.
    """
    (box,) = ndimage.find_objects((ink > 0).astype(int))
    cropped = Image.fromarray(ink[box].astype(np.float32))
    small = np.array(scaled(cropped, round(side * BOX_SHARE)))
    height, width = small.shape
    image = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    image[top : top + height, left : left + width] = np.clip(small, 0, 1)
    return centre(image, TIE)


def centre(image: NDArray[np.float32], tie: float) -> NDArray[np.float32]:
    """Move an image by whole pixels until its centre of mass is at (14, 14) of 28, or half way.

    Up to `tie` pixels short of half way it goes right and down.
    """
    middles = ndimage.center_of_mass(image.astype(np.float64))
    shift = [math.floor(len(image) // 2 - middle + 0.5 + tie) for middle in middles]
    moved: NDArray[np.float32] = ndimage.shift(image, shift, order=0)
    return moved
