"""Pictures as people save them come out as the clean image of the same strokes does."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, ImageSpec
from grvae.data.pictures import boxed
from grvae.use.pictures import read_as_is, read_picture, write_picture

DIGITS = {
    2: [[(30, 50), (45, 28), (75, 30), (82, 55), (30, 115), (88, 112)]],
    4: [[(45, 25), (30, 75), (85, 75)], [(70, 30), (66, 118)]],
    7: [[(28, 30), (85, 28), (60, 70), (50, 118)], [(40, 72), (80, 70)]],
}


def draw(strokes, size=(110, 140)):
    """Light ink (140, 110) in [0, 1] on dark."""
    picture = Image.new("L", size, 0)
    for stroke in strokes:
        ImageDraw.Draw(picture).line(stroke, fill=255, width=12, joint="curve")
    return np.asarray(picture) / 255


def grey(values):
    return Image.fromarray(np.clip(np.round(values * 255), 0, 255).astype(np.uint8))


def coloured(ink, paper_colour, ink_colour):
    paper, colour = np.array(paper_colour), np.array(ink_colour)
    return Image.fromarray((paper + ink[..., None] * (colour - paper)).astype(np.uint8))


def transparent(ink, colour):
    rgba = np.zeros((*ink.shape, 4), np.uint8)
    rgba[..., :3] = colour
    rgba[..., 3] = np.round(ink * 255)
    return Image.fromarray(rgba)


def photo(ink, light, depth):
    """Dark ink under uneven light, with a camera's noise."""
    y, x = np.mgrid[-1 : 1 : ink.shape[0] * 1j, -1 : 1 : ink.shape[1] * 1j]
    noise = np.random.default_rng(0).normal(0, 0.015, ink.shape)
    return grey((0.75 + light * (x - y) - light / 2 * (x * x + y * y)) * (1 - depth * ink) + noise)


EXACT = {
    "light.png": lambda ink: grey(ink),
    "dark.png": lambda ink: grey(1 - ink),
    "black on transparent.png": lambda ink: transparent(ink, 0),
    "white on transparent.png": lambda ink: transparent(ink, 255),
    "paper at 245.png": lambda ink: grey((245 - 215 * ink) / 255),
    "paper at 230.png": lambda ink: grey((230 - 190 * ink) / 255),
    "faint.png": lambda ink: grey(0.9 - 0.15 * ink),
    "palette.gif": lambda ink: grey(1 - ink).convert("P"),
    "one bit.png": lambda ink: grey(ink).convert("1"),
    "sixteen bits.png": lambda ink: Image.fromarray(((1 - ink) * 40000).astype(np.uint16)),
    "floats.tiff": lambda ink: Image.fromarray((1 - ink).astype(np.float32)),
    "blue on yellow.png": lambda ink: coloured(ink, (250, 240, 90), (30, 40, 200)),
    "red on green, as bright.png": lambda ink: coloured(ink, (0, 130, 0), (255, 0, 0)),
    "cmyk.tiff": lambda ink: grey(1 - ink).convert("CMYK"),
}
NEARLY = {
    "wide.png": lambda ink: grey(1 - np.pad(ink, ((20, 300), (700, 10)))),
    "photo.jpg": lambda ink: photo(ink, 0.12, 0.7),
    "pencil.jpg": lambda ink: photo(ink, 0.05, 0.3),
    "huge.jpg": lambda ink: grey(1 - ink).resize((2200, 2800), Image.Resampling.NEAREST),
}


def saved(tmp_path, name, picture):
    options = {"quality": 90} if name.endswith("jpg") else {}
    picture.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("name", EXACT)
def test_picture_comes_out_as_the_clean_one(tmp_path, name, digit):
    ink = draw(DIGITS[digit])
    pixels = read_picture(saved(tmp_path, name, EXACT[name](ink)), MNIST)
    np.testing.assert_allclose(pixels, boxed(ink, MNIST.side).ravel(), atol=0.05)


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("name", NEARLY)
def test_photograph_comes_out_nearly_as_the_clean_one(tmp_path, name, digit):
    ink = draw(DIGITS[digit])
    pixels = read_picture(saved(tmp_path, name, NEARLY[name](ink)), MNIST).numpy()
    # Noise may round the centre of mass to the next whole pixel.
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    clean = boxed(ink, MNIST.side)
    apart = [np.abs(pixels - np.roll(clean, shift, (0, 1)).ravel()).mean() for shift in shifts]
    assert min(apart) < 0.02


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_picture_is_turned_as_its_exif_says(tmp_path, orientation):
    ink = draw(DIGITS[4])
    undo = {
        1: np.asarray,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: np.rot90,
        7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    grey(1 - undo[orientation](ink)).save(path, exif=exif)
    np.testing.assert_allclose(read_picture(path, MNIST), boxed(ink, MNIST.side).ravel(), atol=0.01)


def test_dust_is_left_out(tmp_path):
    ink = draw(DIGITS[2])
    dusty = ink.copy()
    for row, column in ((3, 3), (135, 100), (70, 5), (10, 105)):
        dusty[row : row + 2, column : column + 2] = 1
    pixels = read_picture(saved(tmp_path, "dust.png", grey(1 - dusty)), MNIST)
    np.testing.assert_allclose(pixels, boxed(ink, MNIST.side).ravel(), atol=0.01)


RANDOM = np.random.default_rng(0)
NOTHING = {
    "white": (np.ones((50, 40)), "blank"),
    "black": (np.zeros((50, 40)), "blank"),
    "one pixel": (np.zeros((1, 1)), "blank"),
    "paper": (0.9 + RANDOM.normal(0, 0.02, (200, 200)), "blank|spots"),
    "light across": (np.linspace(0.4, 0.9, 200)[None].repeat(200, 0), "blank"),
    "noise": (RANDOM.random((28, 28)), "blank|spots"),
    "large noise": (RANDOM.random((300, 300)), "blank|spots"),
    "black and white noise": (RANDOM.integers(0, 2, (100, 100)), "spots"),
    "pepper": (1.0 - (RANDOM.random((100, 100)) < 0.1), "spots"),
    "full": (np.pad(np.zeros((60, 60)), 4, constant_values=1), "filled"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_picture_without_a_digit_is_refused(tmp_path, name):
    values, why = NOTHING[name]
    path = saved(tmp_path, f"{name}.png", grey(np.asarray(values, float)))
    with pytest.raises(GrvaeError, match=rf"{name}\.png: no digit found, the picture is .*({why})"):
        read_picture(path, MNIST)


def test_wholly_transparent_picture_is_refused(tmp_path):
    path = saved(tmp_path, "clear.png", Image.new("RGBA", (30, 30), (10, 200, 30, 0)))
    with pytest.raises(GrvaeError, match="no digit found, the picture is blank"):
        read_picture(path, MNIST)


def test_transparent_image_is_not_taken_as_is(tmp_path):
    path = saved(tmp_path, "clear.png", transparent(np.eye(28), 0))
    with pytest.raises(GrvaeError, match="got a transparent image"):
        read_as_is(path, MNIST)


def test_picture_with_too_many_pixels_is_said_to_have_them(tmp_path, monkeypatch):
    path = saved(tmp_path, "large.png", Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(GrvaeError, match=r"large\.png: has too many pixels"):
        read_picture(path, MNIST)


def test_picture_of_another_set_is_brought_to_its_size_and_colours(tmp_path):
    path = saved(tmp_path, "red.png", Image.new("RGB", (40, 20), (255, 0, 0)))
    spec = ImageSpec(classes=("a", "b"), side=16, colours=3)
    red, green, _ = read_picture(path, spec).view(3, 16, 16)
    assert red.min() == 1
    assert green.max() == 0
    write_picture(tmp_path / "back.png", read_picture(path, spec), spec)
    assert torch.equal(read_as_is(tmp_path / "back.png", spec), read_picture(path, spec))
