"""Any picture becomes a square of the set's size and colours, and ink what MNIST's digits are."""

import numpy as np
import pytest
from PIL import Image

from grvae.data.pictures import PictureError, boxed, opaque, open_picture, squared


def read(path, side=16, colours="grey"):
    with open_picture(path) as picture:
        return squared(opaque(picture), side, colours)


def saved(tmp_path, name, picture, **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("size", [(4, 4), (40, 20), (300, 1)])
@pytest.mark.parametrize(("colours", "shape"), [("grey", (16, 16)), ("rgb", (16, 16, 3))])
def test_picture_of_one_colour_stays_so_whatever_its_size(tmp_path, size, colours, shape):
    path = saved(tmp_path, "a.png", Image.new("RGB", size, (200, 200, 200)))
    np.testing.assert_array_equal(read(path, colours=colours), np.full(shape, 200))


def test_proportions_stay_and_the_rest_has_the_colour_of_the_edge(tmp_path):
    pixels = np.full((10, 20), 50, np.uint8)
    pixels[1:9, 1:19] = 250
    image = read(saved(tmp_path, "a.png", Image.fromarray(pixels)))
    assert (image[:4] == 50).all() and (image[12:] == 50).all()
    assert (image[5:11, 2:14] == 250).all()


def test_shrinking_takes_the_mean_and_keeps_a_checkerboard_grey(tmp_path):
    pixels = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert set(read(saved(tmp_path, "a.png", Image.fromarray(pixels))).ravel()) <= {127, 128}


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("bits.png", lambda grey: Image.fromarray(grey.astype(np.uint16) * 257)),
        ("floats.tiff", lambda grey: Image.fromarray(grey.astype(np.float32) / 255)),
        ("cmyk.tiff", lambda grey: Image.fromarray(grey).convert("CMYK")),
        ("palette.png", lambda grey: Image.fromarray(grey).convert("P")),
    ],
)
def test_bits_and_channels_of_the_file_do_not_matter(tmp_path, name, make):
    grey = np.linspace(0, 255, 256).reshape(16, 16).astype(np.uint8)
    assert np.abs(read(saved(tmp_path, name, make(grey))).astype(int) - grey).max() <= 1


def test_first_frame_of_an_animation_is_taken_and_a_turned_picture_turned(tmp_path):
    frames = [Image.new("L", (16, 16), shade) for shade in (30, 200)]
    path = saved(tmp_path, "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert (read(path) == 30).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.tile(np.arange(16, dtype=np.uint8) * 16, (16, 1))
    path = saved(tmp_path, "b.png", Image.fromarray(pixels), exif=exif)
    np.testing.assert_array_equal(read(path), np.rot90(pixels, -1))


def test_program_that_draws_is_no_picture(tmp_path):
    postscript = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    (tmp_path / "a.png").write_text(postscript)
    with pytest.raises(PictureError, match="is no image"):
        read(tmp_path / "a.png")


def test_picture_of_more_pixels_than_a_camera_s_is_refused_at_the_limit(tmp_path, monkeypatch):
    path = saved(tmp_path, "a.png", Image.new("1", (40, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1199)
    with pytest.raises(PictureError, match=r"a\.png: has too many pixels"):
        read(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1200)
    assert (read(path) == 0).all()


def test_longer_side_of_ink_becomes_20_pixels_and_its_centre_of_mass_pixel_14():
    image = boxed(np.pad(np.ones((50, 25)), ((3, 37), (70, 25))), 28)
    assert image.shape == (28, 28) and image.dtype == np.float32
    assert [(lit.min(), np.ptp(lit) + 1) for lit in np.nonzero(image)] == [(5, 20), (10, 10)]
    rows, columns = np.indices((28, 28))
    assert (image * rows).sum() / image.sum() == pytest.approx(14, abs=0.51)
    assert (image * columns).sum() / image.sum() == pytest.approx(14, abs=0.51)


def test_ink_that_is_boxed_already_comes_back_as_it_was():
    first = boxed(np.random.default_rng(0).random((17, 31)), 28)
    np.testing.assert_array_equal(boxed(first, 28), first)
    enlarged = np.kron(first, np.ones((10, 10)))
    np.testing.assert_allclose(boxed(enlarged, 28), first, atol=1e-6)
