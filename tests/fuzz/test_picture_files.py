"""Whatever bytes a picture file has, it becomes an image or one line that names it."""

import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grvae.base.errors import GrvaeError
from grvae.data.pictures import PictureError, opaque, open_picture, squared
from grvae.data.sets import load_dataset
from tests.fuzz.test_readers import FUZZ, damaged

pytestmark = pytest.mark.slow


def encoded(name, mode, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 4), np.uint8)
    content = io.BytesIO()
    picture = Image.fromarray(pixels).convert("RGB").convert(mode)
    picture.save(content, name, **options)
    return content.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6
FILES = {
    "png": encoded("PNG", "P"),
    "16 bits": encoded("PNG", "I;16"),
    "jpeg": encoded("JPEG", "RGB", exif=EXIF),
    "cmyk": encoded("JPEG", "CMYK"),
    "tiff": encoded("TIFF", "LAB"),
    "gif": encoded("GIF", "P", save_all=True, append_images=[Image.new("P", (17, 12))]),
    "webp": encoded("WEBP", "RGBA"),
    "bmp": encoded("BMP", "1"),
    "icon": encoded("ICO", "RGBA"),
    "ppm": encoded("PPM", "L"),
    "tga": encoded("TGA", "RGB"),
    "jpeg2000": encoded("JPEG2000", "RGB"),
}


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
@settings(max_examples=200, **FUZZ)
def test_picture_with_any_bytes(tmp_path, kind, data):
    path = tmp_path / "picture"
    path.write_bytes(data.draw(damaged(FILES[kind])))
    try:
        with open_picture(path) as picture:
            image = squared(opaque(picture), 16, "rgb")
    except PictureError as error:
        assert str(path) in str(error) and error.reason
    else:
        assert (image.shape, image.dtype) == ((16, 16, 3), np.uint8)


@given(
    name=st.text(min_size=1, max_size=20).filter(
        lambda name: not {"/", "\0"} & set(name) and not name.startswith(".")
    )
)
@settings(max_examples=200, **FUZZ)
def test_class_with_any_name(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("images")
    for other in (name, "another class of this set"):
        try:
            (folder / other).mkdir()
        except (OSError, UnicodeEncodeError):  # no name for a folder
            return
        for number in range(10):
            Image.new("L", (9, 9), 9 * number).save(folder / other / f"{number}.png")
    try:
        assert len(load_dataset("mine", folder, side=16).train.classes) == 2
    except GrvaeError as error:
        assert "got the class name" in str(error)


def test_hundred_thousand_pictures_are_read_in_minutes(tmp_path):
    content = io.BytesIO()
    Image.new("L", (28, 28), 100).save(content, "PNG")
    for label in range(10):
        (tmp_path / f"class {label}").mkdir()
        for number in range(10_000):
            (tmp_path / f"class {label}" / f"{number}.png").write_bytes(content.getvalue())
    started = time.monotonic()
    train, test, _ = load_dataset("mine", tmp_path)
    assert (len(train.labels), len(test.labels)) == (80_000, 20_000)
    assert time.monotonic() - started < 300
