import io
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from grvae.show.figures import (
    draw_accuracy_against_error,
    draw_all,
    draw_confusion,
    draw_mean_activation,
    draw_seeds,
    draw_training_curves,
    pool_confusion,
)
from grvae.show.pictures import draw_reconstructions, draw_sweep, draw_traversals, encode_gif
from grvae.show.style import encode_png
from tests.conftest import PROJECT

README_WIDTH = 830
PUBLISHED = {
    "dataset": "mnist",
    "headline": {"argmax_accuracy": 0.93},
}
MATRIX = np.diag(np.arange(1, 11))
NAMES = tuple("0123456789")
IMAGES = np.linspace(0, 1, 10 * 784).reshape(10, 28, 28)
STEPS = np.tile(IMAGES[:, None], (1, 9, 1, 1))
SWEEP = np.tile(IMAGES[:, None], (1, 2, 1, 1))


def curves(*variants, decoder_epochs=1, validation=0.9):
    rows = [
        {
            "variant": variant,
            "seed": seed,
            "epoch": epoch,
            "phase": "joint" if epoch <= 2 else "decoder",
            "loss": 30.0 / epoch,
            "reconstruction": 30.0 / epoch,
            "kl": 10.0 if epoch <= 2 else None,
            "validation_accuracy": validation,
            "validation_squared_error": None if validation is None else 25.0 / epoch,
        }
        for variant in variants
        for seed in (0, 1)
        for epoch in range(1, 3 + decoder_epochs)
    ]
    return pd.DataFrame(rows)


def runs(*variants):
    rows = [
        {
            "variant": variant,
            "seed": seed,
            "argmax_accuracy": 0.9 - 0.1 * seed,
            "assigned_accuracy": 0.9,
            "probe_accuracy": 0.95,
            "squared_error_per_image": 25.0 + seed,
        }
        for variant in variants
        for seed in (0, 1)
    ]
    return pd.DataFrame(rows)


def draw_each(*variants):
    matrices, images = dict.fromkeys(variants, MATRIX), dict.fromkeys(variants, IMAGES)
    steps, identity = dict.fromkeys(variants, STEPS), dict.fromkeys(variants, range(10))
    return {
        "curves": draw_training_curves(curves(*variants)),
        "accuracy": draw_accuracy_against_error(runs(*variants), PUBLISHED, "mnist"),
        "seeds": draw_seeds(runs(*variants)),
        "activation": draw_mean_activation(matrices, NAMES),
        "confusion": draw_confusion(matrices, matrices, NAMES),
        "reconstructions": draw_reconstructions(IMAGES, images),
        "traversals": draw_traversals(steps, identity, NAMES),
    }


def draw_results():
    """Every figure of two variants with two seeds, as files by name."""
    arrays = {"originals": IMAGES, "reconstructions": IMAGES, "sweep": SWEEP}
    arrays["traversal"] = STEPS
    variants = ("routed", "baseline")
    measures = {
        (variant, seed): {
            "classes": list(NAMES),
            "confusion": MATRIX.tolist(),
            "assignment": list(range(10)),
            "mean_activation": MATRIX.tolist() if seed == 0 else None,
        }
        for variant in variants
        for seed in (0, 1)
    }
    samples = dict.fromkeys(variants, arrays)
    return draw_all("mnist", runs(*variants), curves(*variants), measures, samples, PUBLISHED)


@pytest.fixture(scope="module")
def files():
    return draw_results()


def labels_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_same_figures_have_the_same_bytes(files):
    for name, content in draw_results().items():
        assert content == files[name], name


def test_settings_of_the_user_change_no_byte():
    expected = encode_png(draw_seeds(runs("routed")))
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 10, "axes.facecolor": "black"}):
        assert encode_png(draw_seeds(runs("routed"))) == expected
        assert mpl.rcParams["font.size"] == 30


def test_pictures_are_as_wide_as_a_readme_whole_to_their_edges_and_note_no_date(files):
    for name, content in files.items():
        picture = Image.open(io.BytesIO(content))
        if name.endswith(".gif"):
            continue
        ink = 255 - np.asarray(picture.convert("L"))
        edge = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert (picture.width, edge.max(), set(picture.info)) == (2 * README_WIDTH, 0, {"dpi"})


def test_every_figure_of_the_report_is_drawn_and_no_other(files):
    template = (PROJECT / "reports" / "template.md").read_text()
    assert set(files) == set(re.findall(r"\(figures/(\w+\.(?:png|gif))\)", template))


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_variants_is_drawn(count):
    for figure in draw_each(*["routed", "baseline", "published"][:count]).values():
        assert encode_png(figure)


def test_curves_without_a_validation_split_leave_its_panels_out():
    def titles(figure):
        return [panel.get_title() for panel in figure.axes if panel.get_title()]

    assert len(titles(draw_training_curves(curves("routed")))) == 3
    assert len(titles(draw_training_curves(curves("published", validation=None)))) == 1


def test_curves_have_a_line_a_run_and_one_legend_entry_a_variant():
    figure = draw_training_curves(curves("routed", "baseline", decoder_epochs=0))
    assert len(figure.axes[0].lines) == 4
    assert labels_of(figure) == ["routed, one line a seed", "baseline, one line a seed"]


def test_start_of_the_decoder_phase_is_marked():
    figure = draw_training_curves(curves("routed"))
    assert "encoder frozen from here" in labels_of(figure)


def test_published_numbers_are_marked_as_quoted_and_kept_to_their_dataset():
    on_mnist = labels_of(draw_accuracy_against_error(runs("routed"), PUBLISHED, "mnist"))
    assert sum("quoted" in label for label in on_mnist) == 1
    on_digits = labels_of(draw_accuracy_against_error(runs("routed"), PUBLISHED, "digits"))
    assert on_digits == ["routed, one dot a seed"]


def test_seeds_are_dots_and_each_is_drawn():
    panel = draw_seeds(runs("routed", "baseline")).axes[0]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    assert [len(line.get_ydata()) for line in dots] == [2, 2]


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
    sweeps = dict.fromkeys(["routed", "baseline"], SWEEP)
    frames, milliseconds = draw_sweep(sweeps, NAMES)
    assert len(frames) == len(milliseconds) == 20
    assert milliseconds[0] > milliseconds[1]
    content = encode_gif(frames, milliseconds)
    assert content == encode_gif(*draw_sweep(sweeps, NAMES))
    picture = Image.open(io.BytesIO(content))
    assert (picture.n_frames, picture.info["loop"]) == (20, 0)
