"""Image files in and out: one digit each, 28x28, light ink on dark paper as in MNIST."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from grvae.base.errors import GrvaeError
from grvae.base.sizes import PIXELS, SIDE
from grvae.base.storage import write_atomically

# 8 bits a channel or fewer; Pillow would clip others when it makes them grey.
READABLE_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")


def read_pictures(paths: Sequence[Path]) -> Tensor:
    """Pixels (image, 784) float32 in [0, 1] of image files.

    Raises:
        GrvaeError: a file is missing, is no image, or is one of another size or kind.
    """
    return torch.stack([_read_picture(path) for path in paths])


def _read_picture(path: Path) -> Tensor:
    try:
        with Image.open(path) as image:
            if image.size != (SIDE, SIDE):
                raise GrvaeError(
                    f"{path}: got {image.width}x{image.height} pixels, should be 28x28"
                )
            if image.mode not in READABLE_MODES:
                raise GrvaeError(
                    f"{path}: got colour mode {image.mode}, should be 8-bit grey or RGB"
                )
            grey = np.array(image.convert("L"), dtype=np.float32)
    except UnidentifiedImageError as error:
        raise GrvaeError(f"{path}: is no image") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError and ValueError for broken files.
        reason = getattr(error, "strerror", None) or "broken image file"
        raise GrvaeError(f"cannot read {path}: {reason}") from error
    return torch.from_numpy(grey).reshape(PIXELS) / 255


def write_picture(path: Path, pixels: Tensor) -> None:
    """Write pixels (784,) in [0, 1] as a PNG file."""
    grey = (pixels.reshape(SIDE, SIDE) * 255).round().to(torch.uint8).numpy()
    content = io.BytesIO()
    Image.fromarray(grey).save(content, format="PNG")
    write_atomically(path, content.getvalue())
