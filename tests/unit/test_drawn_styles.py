import json

import numpy as np
import torch

from benchmarks.drawn_styles import read_drawings, write_table
from benchmarks.strokes import drawings
from grvae.model.vae import build_model
from tests.conftest import PROJECT

RATES = PROJECT / "reports" / "drawn_styles.json"


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


def test_committed_table_is_that_of_the_committed_rates():
    rates = json.loads(RATES.read_text())
    assert write_table(rates) == RATES.with_suffix(".md").read_text()
