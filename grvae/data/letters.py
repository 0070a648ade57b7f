"""Capital letters A to Z, drawn from fonts: 26 classes like MNIST's ten.

Each letter of a font is drawn several times, a little slanted, turned and stretched, and then
boxed and centred as MNIST's digits were. Families of fonts, not faces or copies, are split: a font
of the test split is like none that was learned. Bytes depend on the fonts, which `fonts.csv` pins,
and on Pillow.
"""

import csv
import hashlib
import io
import math
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from grvae.base.errors import GrvaeError
from grvae.data.labelled import Dataset
from grvae.data.pictures import Bytes, boxed
from grvae.data.sources import new_place, npm_pack

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
FONTS = Path(__file__).with_name("fonts.csv")  # family, version, SHA-256, licence, split
SCOPE = "expo-google-fonts"  # of the npm packages, one a family
FACES = ("400Regular", "700Bold", "400Regular_Italic")
COPIES, SMALL_COPIES = 14, 8  # of each letter of a face
AT_ONCE = 20  # packages that npm is asked for together
# matplotlib's fonts that have all letters, by the split of their family.
SMALL = {
    "train": ("DejaVu*[!y].ttf", "cm[brt]*10.ttf", "cmmi10.ttf", "cmss10.ttf"),
    "test": ("STIXGeneral*.ttf",),
}
EM, MARGIN = 64, 16  # pixels of the large letter that is made small, and around it
SLANT, TURN, STRETCH = 0.15, 5.0, 0.12  # at most: of the height; degrees; of the width


def load_letters(place: Path, side: int, say: Callable[[str], object]) -> tuple[Dataset, Dataset]:
    """Letters of some 120 families of free fonts, fetched by npm once and verified.

    Args:
        place: keeps the packages.
        side: pixels of an image's side.
        say: is told what is fetched.

    Raises:
        GrvaeError: a package is neither there nor to be had.
    """
    with FONTS.open(encoding="utf-8", newline="") as file:
        fonts = list(csv.DictReader(file))
    fetch(fonts, place, say)
    train, test = (
        render(_faces(place, [font for font in fonts if font["split"] == split]), side, COPIES)
        for split in ("train", "test")
    )
    return train, test


def load_small_letters(side: int) -> tuple[Dataset, Dataset]:
    """Letters of the three families of fonts inside matplotlib; nothing is fetched."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    train, test = (
        render(
            [
                (path.stem, path.read_bytes())
                for pattern in patterns
                for path in sorted(folder.glob(pattern))
            ],
            side,
            SMALL_COPIES,
        )
        for patterns in SMALL.values()
    )
    return train, test


def fetch(fonts: list[dict[str, str]], place: Path, say: Callable[[str], object]) -> None:
    """Have the packages of all fonts in a folder; those that lie there already are verified only.

    Raises:
        GrvaeError: npm is missing or fails, or a package has another SHA-256.
    """
    missing = [font for font in fonts if not _is_right(place / _archive(font), font)]
    for start in range(0, len(missing), AT_ONCE):
        some = missing[start : start + AT_ONCE]
        say(f"letters: fetching fonts {start + 1} to {start + len(some)} of {len(missing)} by npm")
        names = [f"@{SCOPE}/{font['family']}@{font['version']}" for font in some]
        with new_place(place) as new:
            try:
                npm_pack(names, new)
            except (OSError, GrvaeError) as error:
                raise GrvaeError(
                    f"letters: no fonts, {error}; dataset=letters_small draws those of matplotlib"
                ) from error
            for font in some:
                if not _is_right(new / _archive(font), font):
                    raise GrvaeError(f"letters: the package of {font['family']} is another one")
                (new / _archive(font)).replace(place / _archive(font))


def _archive(font: dict[str, str]) -> str:
    return f"{SCOPE}-{font['family']}-{font['version']}.tgz"


def _is_right(path: Path, font: dict[str, str]) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == font["sha256"]


def _faces(place: Path, fonts: list[dict[str, str]]) -> Iterator[tuple[str, bytes]]:
    """The upright, the bold and the slanted face of each family, as far as it has them."""
    for font in fonts:
        with tarfile.open(place / _archive(font)) as package:
            for name in sorted(package.getnames()):
                if name.endswith(tuple(f"_{face}.ttf" for face in FACES)):
                    content = package.extractfile(name)
                    assert content is not None
                    yield Path(name).stem, content.read()


def render(faces: Iterable[tuple[str, bytes]], side: int, copies: int) -> Dataset:
    """Draw all letters of all faces, by name and content, each several times, always the same."""
    images, labels = [], []
    for name, content in faces:
        font = ImageFont.truetype(io.BytesIO(content), EM, layout_engine=ImageFont.Layout.BASIC)
        random = Random(name)
        for label, letter in enumerate(LETTERS):
            left, top, right, bottom = font.getbbox(letter)
            size = math.ceil(right - left) + 2 * MARGIN, math.ceil(bottom - top) + 2 * MARGIN
            large = Image.new("L", size)
            ImageDraw.Draw(large).text((MARGIN - left, MARGIN - top), letter, 255, font)
            for _ in range(copies):
                images.append(_varied(large, random, side))
                labels.append(label)
    return Dataset(np.stack(images), np.array(labels, np.int64), LETTERS)


def _varied(large: Image.Image, random: Random, side: int) -> Bytes:
    """A letter slanted, turned and stretched at random about its middle."""
    slant = random.uniform(-SLANT, SLANT)
    turn = math.radians(random.uniform(-TURN, TURN))
    stretch = 1 + random.uniform(-STRETCH, STRETCH)
    # From a place in the new picture to the one it comes from.
    cos, sin = math.cos(turn), math.sin(turn)
    a, b = (cos + slant * sin) / stretch, (slant * cos - sin) / stretch
    x, y = large.width / 2, large.height / 2
    places = (a, b, x - a * x - b * y, sin, cos, y - sin * x - cos * y)
    varied = large.transform(large.size, Image.Transform.AFFINE, places, Image.Resampling.BILINEAR)
    return np.round(boxed(np.array(varied, np.float32) / 255, side) * 255).astype(np.uint8)
