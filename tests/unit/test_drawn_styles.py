import numpy as np
import torch

from benchmarks.drawn_styles import rates_of, read_drawings
from benchmarks.strokes import drawings
from grvae.model.vae import build_model


def test_at_least_a_hundred_styles_are_drawn():
    drawn = list(drawings())
    assert len(drawn) == len({(each.digit, each.style) for each in drawn}) >= 100


def test_drawing_is_read_as_the_digit_of_the_largest_mean(recipe, images):
    model = build_model(recipe, "relu", seed=0)
    assignment = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    with torch.no_grad():
        largest = model.encode(images.pixels)[0].argmax(dim=1)
    expected = np.array(assignment)[largest]
    np.testing.assert_array_equal(read_drawings(model, images.pixels.numpy(), assignment), expected)


def test_drawing_that_half_the_seeds_misread_is_named():
    drawn = [next(each for each in drawings() if each.digit == digit) for digit in range(10)]
    right = np.ones(10, bool)
    rates = rates_of({0: right, 1: right & (np.arange(10) != 4)}, drawn)
    assert [each["all"] for each in rates["seeds"].values()] == [1.0, 0.9]
    assert [each["digits"]["4"] for each in rates["seeds"].values()] == [1.0, 0.0]
    assert rates["often_misread"] == [f"4 {drawn[4].style}"]
