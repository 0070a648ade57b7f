"""Pictures as people save them come out as the clean image of the same strokes does."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, ImageSpec
from grvae.data.pictures import boxed
from grvae.use.pictures import read_as_is, read_picture, write_picture

# A four in light ink (140, 110) in [0, 1] on dark, and the image that it is to become.
DRAWN = Image.new("L", (110, 140))
for stroke in ([(45, 25), (30, 75), (85, 75)], [(70, 30), (66, 118)]):
    ImageDraw.Draw(DRAWN).line(stroke, fill=255, width=12, joint="curve")
INK = np.asarray(DRAWN) / 255
CLEAN = boxed(INK, MNIST.side)


def grey(values):
    return Image.fromarray(np.clip(np.round(values * 255), 0, 255).astype(np.uint8))


def coloured(paper_colour, ink_colour):
    paper, ink = (Image.new("RGB", DRAWN.size, each) for each in (paper_colour, ink_colour))
    return Image.composite(ink, paper, DRAWN)


def transparent(ink, colour):
    flat = Image.new("L", ink.shape[::-1], colour)
    return Image.merge("RGBA", [flat, flat, flat, grey(ink)])


def photo(light, depth):
    """Dark ink under uneven light, with a camera's noise."""
    y, x = np.mgrid[-1 : 1 : INK.shape[0] * 1j, -1 : 1 : INK.shape[1] * 1j]
    noise = np.random.default_rng(0).normal(0, 0.015, INK.shape)
    return grey((0.75 + light * (x - y) - light / 2 * (x * x + y * y)) * (1 - depth * INK) + noise)


EXACT = {
    "light.png": grey(INK),
    "dark.png": grey(1 - INK),
    "black on transparent.png": transparent(INK, 0),
    "white on transparent.png": transparent(INK, 255),
    "paper at 245.png": grey((245 - 215 * INK) / 255),
    "faint.png": grey(0.9 - 0.15 * INK),
    "blue on yellow.png": coloured((250, 240, 90), (30, 40, 200)),
    "red on green, as bright.png": coloured((0, 130, 0), (255, 0, 0)),
}
NEARLY = {
    "wide.png": grey(1 - np.pad(INK, ((20, 300), (700, 10)))),
    "photo.jpg": photo(0.12, 0.7),
    "pencil.jpg": photo(0.05, 0.3),
    "huge.jpg": grey(1 - INK).resize((2200, 2800), Image.Resampling.NEAREST),
}


def saved(tmp_path, name, picture):
    picture.save(tmp_path / name, quality=90)
    return tmp_path / name


@pytest.mark.parametrize("name", EXACT)
def test_picture_comes_out_as_the_clean_one(tmp_path, name):
    pixels = read_picture(saved(tmp_path, name, EXACT[name]), MNIST)
    np.testing.assert_allclose(pixels, CLEAN.ravel(), atol=0.05)


@pytest.mark.parametrize("name", NEARLY)
def test_photograph_comes_out_nearly_as_the_clean_one(tmp_path, name):
    pixels = read_picture(saved(tmp_path, name, NEARLY[name]), MNIST).numpy()
    # Noise may round the centre of mass to the next whole pixel.
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    apart = [np.abs(pixels - np.roll(CLEAN, shift, (0, 1)).ravel()).mean() for shift in shifts]
    assert min(apart) < 0.02


def test_dust_is_left_out(tmp_path):
    dusty = INK.copy()
    for row, column in ((3, 3), (135, 100), (70, 5), (10, 105)):
        dusty[row : row + 2, column : column + 2] = 1
    pixels = read_picture(saved(tmp_path, "dust.png", grey(1 - dusty)), MNIST)
    np.testing.assert_allclose(pixels, CLEAN.ravel(), atol=0.01)


RANDOM = np.random.default_rng(0)
NOTHING = {
    "white": (np.ones((50, 40)), "blank"),
    "one pixel": (np.zeros((1, 1)), "blank"),
    "paper": (0.9 + RANDOM.normal(0, 0.02, (200, 200)), "blank|spots"),
    "light across": (np.linspace(0.4, 0.9, 200)[None].repeat(200, 0), "blank"),
    "noise": (RANDOM.random((28, 28)), "blank|spots"),
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


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (Image.new("L", (280, 30)), "got 280x30 pixels, should be 28x28"),
        (Image.new("I;16", (28, 28)), "got colour mode I;16, should be 8-bit grey or RGB"),
        (transparent(np.eye(28), 0), "got a transparent image, should be light ink on black"),
    ],
)
def test_image_that_is_not_as_those_of_the_set_is_not_taken_as_is(tmp_path, picture, complaint):
    path = saved(tmp_path, "other.png", picture)
    with pytest.raises(GrvaeError, match=rf"other\.png: {complaint}"):
        read_as_is(path, MNIST)


def test_picture_of_another_set_is_brought_to_its_size_and_colours(tmp_path):
    path = saved(tmp_path, "red.png", Image.new("RGB", (40, 20), (255, 0, 0)))
    spec = ImageSpec(classes=("a", "b"), side=16, colours=3)
    red, green, _ = read_picture(path, spec).view(3, 16, 16)
    assert red.min() == 1
    assert green.max() == 0
    write_picture(tmp_path / "back.png", read_picture(path, spec), spec)
    assert torch.equal(read_as_is(tmp_path / "back.png", spec), read_picture(path, spec))
