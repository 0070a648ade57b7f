"""Many images in one file: IDX, as MNIST and its kin, and tables of pixels, as on Kaggle."""

import gzip
import math
import re
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from grvae.base.errors import GrvaeError
from grvae.data.pictures import Bytes

IDX_NAME = re.compile(r"images.*idx|images.*ubyte", re.IGNORECASE)
LABEL_COLUMNS = ("label", "class")
ROWS = 5000  # of a table that are read at a time

# Images (image, height, width) or (image, height, width, 3), and the name of each one's class.
Named = tuple[Bytes, Sequence[str]]


def read_idx(images: Path, transposed: bool) -> Named:
    """Images of an IDX file, gzipped or not, with the labels of the file that belongs to it.

    Where an EMNIST-like mapping of labels to characters lies beside them, classes are named by it.

    Args:
        images: its name says `images`; the other file's says `labels` in its place.
        transposed: rows and columns are exchanged, as EMNIST has them.

    Raises:
        GrvaeError: a file is missing, or is not such a file.
    """
    pixels = _read_idx(images, (3, 4))
    if pixels.shape[3:] not in ((), (3,)):
        shape = "x".join(map(str, pixels.shape[1:]))
        raise GrvaeError(f"{images}: got images of {shape}, should be grey, or have 3 colours")
    name = re.sub("images", "labels", images.name, flags=re.IGNORECASE)
    plain = re.sub("idx[34]", "idx1", name).removesuffix(".gz")
    files = images.with_name(plain), images.with_name(f"{plain}.gz")
    labels_file = next(filter(Path.is_file, files), None)
    if labels_file is None:
        raise GrvaeError(f"{images}: has no labels, no file {plain} or {plain}.gz lies beside it")
    labels = _read_idx(labels_file, (1,))
    if len(labels) != len(pixels):
        raise GrvaeError(f"{labels_file}: got {len(labels)} labels of {len(pixels)} images")
    names = {label: str(label) for label in range(256)}
    for mapping in images.parent.glob("*mapping.txt"):
        try:
            rows = [line.split() for line in mapping.read_text("ascii").splitlines()]
            names |= {int(row[0]): chr(int(row[1])) for row in rows if row}
        except (ValueError, IndexError, OverflowError) as error:
            raise GrvaeError(
                f"{mapping}: should have a label and a character's code a line"
            ) from error
    return pixels.swapaxes(1, 2) if transposed else pixels, [names[n] for n in labels.tolist()]


def _read_idx(path: Path, dimensions: Sequence[int]) -> Bytes:
    """Unsigned bytes in one of some numbers of dimensions; as many as the header says."""
    content = unzipped(path)
    if len(content) < 4 or content[:3] != b"\0\0\x08" or content[3] not in dimensions:
        kinds = " or ".join(map(str, dimensions))
        raise GrvaeError(f"{path}: no IDX file of bytes in {kinds} dimensions")
    start = 4 + 4 * content[3]
    shape = np.frombuffer(content[4:start].ljust(start - 4, b"\0"), ">u4").tolist()
    read, size = max(0, len(content) - start), math.prod(shape)
    if read != size or size == 0:
        raise GrvaeError(f"{path}: got {read} bytes after its header, which says {size}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def unzipped(path: Path) -> bytes:
    """What a file holds, or what is zipped in it by gzip, whatever its name says.

    Raises:
        GrvaeError: a gzip file is not whole.
    """
    content = path.read_bytes()
    try:
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, OSError, zlib.error) as error:
        raise GrvaeError(f"{path} is not a whole gzip file") from error


def read_table(path: Path) -> Named | None:
    """Images of a CSV file: a label and the pixels from top left to bottom right in a row.

    The column of labels is called `label` or `class`; in a table without names it is the first.
    Pixels are whole numbers from 0 to 255, of a square of grey ones, or of red, green and blue.

    Returns:
        None where the columns have names but none is of labels.

    Raises:
        GrvaeError: it is no such table; names the row.
    """
    try:
        first = pd.read_csv(path, header=None, nrows=1, dtype=str)
        header = [str(cell).strip() for cell in first.iloc[0]]
        named = not all(re.fullmatch(r"[-+.\deE]+", cell) for cell in header)
        of_labels = (i for i, name in enumerate(header) if name.lower() in LABEL_COLUMNS)
        column = next(of_labels, None if named else 0)
        if column is None:
            return None
        shape = _shape_of(path, len(header) - 1)
        names: list[str] = []
        images = []
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the first
            with pd.read_csv(
                path,
                header=None,
                skiprows=int(named),
                names=range(len(header)),
                index_col=False,
                dtype={column: str},
                chunksize=ROWS,
                low_memory=False,
            ) as chunks:
                for chunk in chunks:
                    row = len(names) + 1 + int(named)
                    images.append(_pixels_of(path, chunk, column, row).reshape(-1, *shape))
                    names += chunk[column].str.strip().tolist()
    except (OSError, ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise GrvaeError(f"{path}: no table of images ({error})") from error
    if not names:
        raise GrvaeError(f"{path}: no table of images (it has no rows)")
    return np.concatenate(images), names


def _pixels_of(path: Path, chunk: pd.DataFrame, column: int, first_row: int) -> Bytes:
    pixels = chunk.drop(columns=column).apply(pd.to_numeric, errors="coerce").to_numpy(float)
    fits = (pixels >= 0) & (pixels <= 255) & (pixels % 1 == 0)
    bad = chunk[column].isna().to_numpy() | ~fits.all(axis=1)
    if bad.any():
        row = first_row + int(bad.argmax())
        raise GrvaeError(f"{path}: row {row} should be a label and numbers from 0 to 255")
    whole: Bytes = pixels.astype(np.uint8)
    return whole


def _shape_of(path: Path, pixels: int) -> tuple[int, ...]:
    for colours, rest in ((1, ()), (3, (3,))):
        side = math.isqrt(pixels // colours)
        if pixels and side * side * colours == pixels:
            return side, side, *rest
    raise GrvaeError(f"{path}: got {pixels} columns of pixels, should be a square number, or three")
