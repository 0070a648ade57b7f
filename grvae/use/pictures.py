"""Image files in and out: people's own pictures, and images of a set as they are.

For most models a picture is brought to size by the rule of its set, `grvae.data.pictures`. For
handwritten digits, a picture of any size, format and polarity becomes light ink on dark paper in
three steps: turned upright and laid on opaque paper; the paper's colour, which may change slowly
across the picture, taken off; what is left stretched to [0, 1] along the ink's colour. `boxed`
does the rest.
"""

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, ImageSpec
from grvae.base.storage import write_atomically
from grvae.data.pictures import Floats, as_colours, boxed, opaque, open_picture, squared
from grvae.model.images import as_pictures

Mask = NDArray[np.bool_]

# Of MNIST's own: 8 bits a channel or fewer; Pillow would clip others when it makes them grey.
READABLE_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
SLIGHTEST = 0.06  # what ink must differ from paper by, of the way from black to white ...
NOISE = 6.0  # ... and how many times more than the paper differs from itself
FULLEST = 0.7  # ink may fill this share of the box around it; MNIST's heaviest digits fill less
SPECK = 0.02  # a patch of ink with less than this share of all ink is dirt; a dot of a pen is more
DIRTIEST = 0.2  # dirt may be this share of all ink
PARTS, HOLES = 6, 4  # a digit has at most so many strokes apart, broken ones too, and so many holes


def read_picture(path: Path, spec: ImageSpec) -> Tensor:
    """Pixels (pixel,) float32 in [0, 1] of a picture, made like those of a set.

    Raises:
        GrvaeError: the file is missing or is no image, or no digit can be found in it, where the
            set is of digits.
    """
    with open_picture(path) as image:
        paper = opaque(image)
        if spec != MNIST:
            return flat(squared(paper, spec.side, "grey" if spec.colours == 1 else "rgb"))
        colours = as_colours(paper)
    try:
        return torch.from_numpy(boxed(find_ink(colours), spec.side)).flatten()
    except ValueError as error:
        raise GrvaeError(f"{path}: no digit found, {error}") from error


def read_as_is(path: Path, spec: ImageSpec) -> Tensor:
    """Pixels (pixel,) float32 in [0, 1] of an image that is as those of a set are already.

    Raises:
        GrvaeError: the file is missing, is no image, or is one of another size or kind.
    """
    with open_picture(path) as image:
        if image.size != (spec.side, spec.side):
            size = f"{spec.side}x{spec.side}"
            raise GrvaeError(f"{path}: got {image.width}x{image.height} pixels, should be {size}")
        if image.mode not in READABLE_MODES:
            raise GrvaeError(f"{path}: got colour mode {image.mode}, should be 8-bit grey or RGB")
        if np.array(image.convert("RGBA"))[..., 3].min() < 255:
            raise GrvaeError(f"{path}: got a transparent image, should be light ink on black")
        return flat(np.array(image.convert("L" if spec.colours == 1 else "RGB")))


def flat(picture: NDArray[np.uint8]) -> Tensor:
    """Pixels (pixel,) float32 in [0, 1] of a picture (side, side), or (side, side, 3)."""
    planes = picture if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return torch.from_numpy(planes.astype(np.float32)).flatten() / 255


def find_ink(colours: Floats) -> Floats:
    """Light ink on paper of exactly 0, from a picture of either polarity.

    Args:
        colours: (height, width, 3) in [0, 1].

    Returns:
        (height, width) in [0, 1].

    Raises:
        ValueError: there is nothing that could be a digit; says why.
    """
    difference, is_ink = _take_off_paper(colours)
    if not is_ink.any():
        raise ValueError("the picture is blank")
    towards_ink = difference[is_ink].mean(axis=0)
    length = float(np.linalg.norm(towards_ink))
    along = difference @ (towards_ink / max(length, 1e-9))
    noise = 1.4826 * float(np.median(np.abs(along[~is_ink])))  # one standard deviation
    if length / np.sqrt(3) < SLIGHTEST or length < NOISE * noise:
        raise ValueError("the picture is blank, or its ink too faint")

    full = float(np.percentile(along[is_ink], 75))
    floor = min(3 * noise, full / 4)
    ink: Floats = np.clip((along - floor) / (full - floor), 0, 1)
    kept = _strokes(ink > 0.5)
    # The soft edges of what is kept belong to it; elsewhere is paper.
    width = max(1, max(ink.shape) // 100)
    ink[~ndimage.binary_dilation(kept, np.ones((3, 3), bool), iterations=width)] = 0
    return ink


def _take_off_paper(colours: Floats) -> tuple[Floats, Mask]:
    """The difference (height, width, 3) from the paper's colour, and where it is ink's.

    At first the paper has the edge's median colour; then, three times, the smooth surface (a
    quadratic one, for light that falls unevenly) through all that is not ink.
    """
    height, width, _ = colours.shape
    edge = np.ones((height, width), bool)
    edge[1:-1, 1:-1] = False
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2).astype(np.float32)
    difference: Floats = colours - np.median(colours[edge], axis=0)
    is_ink = _far(difference)
    if height < 5 or width < 5:
        return difference, is_ink
    for _ in range(3):
        paper = ~is_ink
        surface, *_ = np.linalg.lstsq(terms[paper], colours[paper])
        difference = colours - terms @ surface
        is_ink = _far(difference)
    return difference, is_ink


def _far(difference: Floats) -> Mask:
    """Where a picture is on the far side of the split that tells two groups of pixels best apart.

    Source: Otsu 1979, "A threshold selection method from gray-level histograms".
    """
    distance = np.linalg.norm(difference, axis=2)
    if distance.max() < 1e-3:  # of one colour
        return np.zeros(distance.shape, bool)
    counts, edges = np.histogram(distance, bins=256, range=(0, float(distance.max())))
    below = np.cumsum(counts)[:-1]
    above = distance.size - below
    total = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total[:-1] / below - (total[-1] - total[:-1]) / above) ** 2
    far: Mask = distance > edges[1 + int(np.nanargmax(between))]
    return far


def _strokes(is_ink: Mask) -> Mask:
    """The ink without specks of dirt.

    Raises:
        ValueError: it is not made of a few strokes.
    """
    patches, count = ndimage.label(is_ink, np.ones((3, 3)))
    sizes = np.bincount(patches.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = sizes >= SPECK * sizes.sum()
    if sizes[~large].sum() > DIRTIEST * sizes.sum() or large.sum() > PARTS:
        raise ValueError("the picture is a scatter of spots")
    kept: Mask = large[patches]
    (place,) = ndimage.find_objects(kept.astype(int))
    box = kept[place]
    holes, count = ndimage.label(~np.pad(box, 1))
    areas = np.bincount(holes.ravel(), minlength=count + 1)[1:]
    large = areas >= SPECK * kept.sum()  # one of them is what is around the digit
    if areas[~large].sum() > DIRTIEST * kept.sum() or large.sum() > HOLES + 1:
        raise ValueError("the picture is a scatter of spots")
    if box.mean() > FULLEST and min(box.shape) > 0.4 * max(box.shape):  # a 1 is slim and full
        raise ValueError("the picture is filled with ink")
    return kept


def write_picture(path: Path, pixels: Tensor, spec: ImageSpec) -> None:
    """Write pixels (pixel,) in [0, 1] as a PNG file."""
    picture = (as_pictures(pixels, spec) * 255).round().to(torch.uint8).numpy()
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")
    write_atomically(path, content.getvalue())
