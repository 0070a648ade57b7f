from itertools import pairwise

import numpy as np
import pytest

from grvae.data.pictures import boxed
from tests.ink import draw_strokes

HOOK = [(0.3, 0.2), (0.6, 0.2), (0.6, 0.7), (0.4, 0.8)]


def picture(top, left, height, width, shape=(28, 28)):
    ink = np.zeros(shape)
    ink[top : top + height, left : left + width] = 1
    return ink


def box_of(image):
    rows, columns = np.nonzero(image.reshape(28, 28))
    return rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1


def test_longer_side_becomes_20_pixels_and_the_centre_of_mass_pixel_14():
    image = boxed(picture(3, 70, 50, 25, shape=(90, 120)), 28)
    assert image.shape == (28, 28) and image.dtype == np.float32
    assert box_of(image) == (5, 10, 20, 10)
    rows, columns = np.indices((28, 28))
    assert (image * rows).sum() / image.sum() == pytest.approx(14, abs=0.51)
    assert (image * columns).sum() / image.sum() == pytest.approx(14, abs=0.51)


def test_image_that_is_normalised_already_comes_back_as_it_was():
    first = boxed(np.random.default_rng(0).random((17, 31)), 28)
    np.testing.assert_array_equal(boxed(first, 28), first)
    enlarged = np.kron(first, np.ones((10, 10)))
    np.testing.assert_allclose(boxed(enlarged, 28), first, atol=1e-6)


def test_thin_line_keeps_a_pixel_of_width():
    assert box_of(boxed(picture(10, 40, 100, 1, shape=(200, 200)), 28))[3] == 1


def test_strokes_and_a_picture_of_them_come_out_alike():
    strokes = draw_strokes([HOOK])
    rows, columns = np.indices((280, 280)) / 280 + 1 / 560
    pen = 0.6 / 17.6 * 1.2  # as wide as the strokes' own after scaling
    points = np.concatenate([np.linspace(a, b, 200) for a, b in pairwise(HOOK)])
    distance = np.full(rows.shape, np.inf)
    for x, y in points:
        distance = np.minimum(distance, np.hypot(columns - x, rows - y))
    drawn = boxed((distance < pen).astype(float), 28).ravel()
    assert np.abs(strokes - drawn).mean() < 0.03  # whole pixels in one, parts of them in the other
    assert np.corrcoef(strokes, drawn)[0, 1] > 0.85


def test_size_and_place_of_strokes_do_not_matter():
    small = [(0.05 + 0.4 * x, 0.5 + 0.4 * y) for x, y in HOOK]
    np.testing.assert_allclose(draw_strokes([small]), draw_strokes([HOOK]), atol=1e-5)


def test_dot_stays_a_dot_and_no_stroke_is_no_image():
    dot = draw_strokes([[(0.1, 0.1)]])
    assert 3 < dot.sum() < 10
    assert dot.reshape(28, 28)[14, 14] > 0.9
    assert draw_strokes([]) is None
    assert draw_strokes([[]]) is None


def test_crossing_strokes_are_not_brighter_than_ink():
    assert draw_strokes([[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]]).max() == 1


def test_symmetric_strokes_are_centred_the_same_way_however_they_are_summed():
    upright = draw_strokes([[(0.5, 0.1), (0.5, 0.9)]])
    reversed_ = draw_strokes([[(0.5, 0.9), (0.5, 0.1)]])
    np.testing.assert_array_equal(upright, reversed_)
