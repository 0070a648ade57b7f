import re

import matplotlib as mpl
import numpy as np

from grvae.base.storage import load_table
from grvae.show import figures
from grvae.show.figures import (
    draw_accuracy_against_error,
    draw_confusion,
    draw_mean_activation,
    draw_training_curves,
    pool_confusion,
)
from grvae.show.pictures import draw_sweep, draw_traversals
from grvae.show.style import encode_png
from tests.conftest import PROJECT

REPORTS = PROJECT / "reports"
RUNS, CURVES = load_table(REPORTS / "runs.csv"), load_table(REPORTS / "curves.csv")
PUBLISHED = {"dataset": "mnist", "headline": {"argmax_accuracy": 0.93}}
MATRIX = np.diag(np.arange(1, 11))
NAMES = tuple("0123456789")
IMAGES = np.linspace(0, 1, 10 * 784).reshape(10, 28, 28)
STEPS = np.tile(IMAGES[:, None], (1, 9, 1, 1))
SWEEP = np.tile(IMAGES[:, None], (1, 2, 1, 1))


def labels_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def of(table, *variants):
    return table[table["variant"].isin(variants)]


def test_settings_of_the_user_change_no_byte():
    expected = encode_png(draw_mean_activation({"relu": MATRIX}, NAMES))
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 10, "axes.facecolor": "black"}):
        assert encode_png(draw_mean_activation({"relu": MATRIX}, NAMES)) == expected
        assert mpl.rcParams["font.size"] == 30


def test_every_figure_of_the_report_is_drawn_and_no_other(monkeypatch):
    monkeypatch.setattr(figures, "encode_png", lambda figure: b"")
    monkeypatch.setattr(figures, "encode_gif", lambda *frames: b"")
    found = {"classes": NAMES, "confusion": MATRIX, "assignment": range(10)}
    found |= {"mean_activation": MATRIX}
    measures = dict.fromkeys(zip(RUNS["variant"], RUNS["seed"], strict=True), found)
    arrays = {"originals": IMAGES, "reconstructions": IMAGES, "traversal": STEPS, "sweep": SWEEP}
    samples = dict.fromkeys(RUNS["variant"], arrays)
    files = figures.draw_all("mnist", RUNS, CURVES, measures, samples, PUBLISHED)
    template = (REPORTS / "template.md").read_text()
    assert set(files) == set(re.findall(r"\(figures/(\w+\.(?:png|gif))\)", template))


def test_curves_without_a_validation_split_leave_its_panels_out():
    def titles(figure):
        return [panel.get_title() for panel in figure.axes if panel.get_title()]

    routed = of(CURVES, "routed")
    unmeasured = routed.assign(validation_accuracy=None, validation_squared_error=None)
    assert len(titles(draw_training_curves(routed))) == 3
    assert len(titles(draw_training_curves(unmeasured))) == 1


def test_published_numbers_are_marked_as_quoted_and_kept_to_their_dataset():
    routed = of(RUNS, "routed")
    on_mnist = labels_of(draw_accuracy_against_error(routed, PUBLISHED, "mnist"))
    assert sum("quoted" in label for label in on_mnist) == 1
    on_digits = labels_of(draw_accuracy_against_error(routed, PUBLISHED, "digits"))
    assert on_digits == ["routed, one dot a seed"]


def test_negative_activations_are_told_apart_by_hue():
    figure = draw_mean_activation({"none": MATRIX - 5, "relu": MATRIX}, NAMES)
    signed, positive = (panel.images[0].norm for panel in figure.axes[:2])
    assert (signed.vmin, signed.vmax) == (positive.vmin, positive.vmax) == (-10, 10)


def test_best_assignment_is_drawn_where_it_says_something_else():
    matrices = {"routed": MATRIX, "baseline": MATRIX}
    figure = draw_confusion(matrices, matrices | {"baseline": MATRIX[::-1]}, NAMES)
    drawn = [panel.get_title() for panel in figure.axes if panel.images]
    assert drawn == [
        "routed: largest latent", "baseline: largest latent", "baseline: best assignment",
    ]  # fmt: skip


def test_confusion_is_in_per_cent_of_a_digit_even_where_a_digit_is_absent():
    counts = np.zeros((10, 10), int)
    counts[0, :2] = 3, 1
    figure = draw_confusion({"routed": counts}, {"routed": counts}, NAMES)
    assert [text.get_text() for text in figure.axes[0].texts] == ["75", "25"]


def test_traversals_are_in_the_order_of_the_assigned_digits():
    swapped = [1, 0, *range(2, 10)]
    panel = draw_traversals({"baseline": STEPS}, {"baseline": swapped}, NAMES).axes[0]
    ticks = [label.get_text() for label in panel.get_yticklabels()]
    assert ticks[:3] == ["1 → 0", "0 → 1", "2 → 2"]
    sheet = np.asarray(panel.images[0].get_array())
    np.testing.assert_allclose(sheet[1:29, 1:29], IMAGES[0])


def test_confusion_is_pooled_after_each_runs_own_assignment():
    measures = {
        ("baseline", 0): {"confusion": [[0, 5], [7, 0]], "assignment": [1, 0]},
        ("baseline", 1): {"confusion": [[4, 0], [0, 8]], "assignment": [0, 1]},
    }
    argmax, assigned = pool_confusion(measures)
    assert argmax["baseline"].tolist() == [[4, 5], [7, 8]]
    assert assigned["baseline"].tolist() == [[9, 0], [0, 15]]


def test_sweep_has_a_frame_an_image_and_rests_at_the_digits():
    frames, milliseconds = draw_sweep(dict.fromkeys(["routed", "baseline"], SWEEP), NAMES)
    assert len(frames) == len(milliseconds) == 20
    assert milliseconds[0] > milliseconds[1]
