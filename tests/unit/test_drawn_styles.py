import json
import shutil

import numpy as np
import torch

from benchmarks.drawn_styles import read_drawings, rows_of
from benchmarks.pages import write_page
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


def test_committed_table_is_that_of_the_committed_rates(tmp_path):
    rates, page = json.loads(RATES.read_text()), tmp_path / "drawn_styles.md"
    shutil.copy(RATES.with_name("drawn_styles_template.md"), tmp_path)
    write_page(page, {**rates, "rows": rows_of(rates)})
    assert page.read_text() == RATES.with_suffix(".md").read_text()
