import numpy as np
import pytest

from grvae.base.statistics import estimate_median, paired_difference
from grvae.measure.summary import (
    as_summary,
    collapsed_runs,
    confusion_table,
    headlines,
    runs_table,
    summary_over_seeds,
)
from tests.handmade import SCALARS


def run(accuracy, error, **changes):
    own = {"argmax_accuracy": accuracy, "squared_error_per_image": error}
    return SCALARS | own | changes


MEASURES = {
    ("routed", 0): run(0.90, 24.0),
    ("routed", 1): run(0.94, 26.0, lowest_recall=0.4),
    ("baseline", 0): run(0.10, 20.0),
    ("baseline", 1): run(0.14, 21.0, kl_per_image=None),
}


def test_table_has_a_row_a_run_with_every_scalar_and_recall():
    table = runs_table(MEASURES)
    assert list(zip(table["variant"], table["seed"], strict=True)) == list(MEASURES)
    assert table["recall_9"].tolist() == [0.6] * 4
    assert "recall" not in table


def test_summary_of_few_runs_has_what_each_of_them_has_and_no_interval():
    summary = summary_over_seeds(runs_table(MEASURES), 0.92)
    assert [name for name in summary if name in ("routed", "baseline")] == ["routed", "baseline"]
    assert (summary["seeds"], summary["pixels"]) == (2, {"probe_accuracy": 0.92})
    assert "kl_per_image" in summary["routed"]
    assert "kl_per_image" not in summary["baseline"]
    difference = summary["routed_minus_baseline"]["argmax_accuracy"]
    assert difference == {"median": pytest.approx(0.8)}


def test_summary_of_a_metric_is_its_median_mean_and_ends_over_seeds_with_the_median_s_interval():
    accuracies = [0.9, 0.94, 0.98, 0.2, 0.95, 0.95, 0.95]
    runs = {("routed", seed): run(value, 24.0) for seed, value in enumerate(accuracies)}
    summary = summary_over_seeds(runs_table(runs), 0.92)["routed"]
    interval = estimate_median(np.array(accuracies))
    assert summary["argmax_accuracy"] == pytest.approx(
        {
            "mean": sum(accuracies) / 7,
            "median": 0.95,
            "lowest": 0.2,
            "highest": 0.98,
            "ci95_low": interval.low,
            "ci95_high": interval.high,
        }
    )


def test_what_the_report_argues_from_has_an_interval_and_nothing_else_has():
    runs = {
        (variant, seed): run(0.9, 24.0) for variant in ("routed", "baseline") for seed in range(6)
    }
    summary = summary_over_seeds(runs_table(runs), 0.92)
    with_interval = {name for name, row in summary["routed"].items() if "ci95_low" in row}
    main = {"argmax_accuracy", "probe_accuracy", "squared_error_per_image"}
    assert with_interval == main
    assert set(summary["routed_minus_baseline"]) == main


def test_differences_are_the_first_variant_minus_each_other_one():
    drawn = np.random.default_rng(0).normal(25, 5, (3, 6))
    errors = dict(zip(("routed", "baseline", "soft"), drawn, strict=True))
    runs = {(name, seed): run(0.9, e) for name, row in errors.items() for seed, e in enumerate(row)}
    summary = summary_over_seeds(runs_table(runs), 0.92)
    pairs = [name for name in summary if "_minus_" in name]
    assert pairs == ["routed_minus_baseline", "routed_minus_soft"]
    for name, other in zip(pairs, ("baseline", "soft"), strict=True):
        expected = as_summary(paired_difference(errors["routed"], errors[other]))
        assert summary[name]["squared_error_per_image"] == expected


def test_headlines_of_each_variant_are_median_accuracy_and_error():
    routed, baseline = headlines(runs_table(MEASURES)).items()
    assert routed == ("routed", pytest.approx({"accuracy": 0.92, "error": 25.0}))
    assert baseline == ("baseline", pytest.approx({"accuracy": 0.12, "error": 20.5}))


def test_run_is_damaged_below_a_recall_of_85_per_cent_and_the_share_has_its_exact_interval():
    damaged = collapsed_runs(np.array([0.849, 0.85, 0.9, 0.0]))
    # Clopper and Pearson's interval of 2 in 4, from a table.
    assert damaged == {
        "count": 2,
        "runs": 4,
        "share_ci95_low": pytest.approx(0.0676, abs=1e-4),
        "share_ci95_high": pytest.approx(0.9324, abs=1e-4),
    }
    none = collapsed_runs(np.full(5, 0.95))
    # With none in n, the upper end is 1 - 0.025^(1 / n).
    assert none["share_ci95_low"] == 0
    assert none["share_ci95_high"] == pytest.approx(1 - 0.025 ** (1 / 5))


def test_confusion_table_has_a_row_a_count():
    table = confusion_table({("routed", 3): {"confusion": [[5, 1], [0, 7]]}})
    assert table.to_dict("list") == {
        "variant": ["routed"] * 4,
        "seed": [3] * 4,
        "digit": [0, 0, 1, 1],
        "latent": [0, 1, 0, 1],
        "images": [5, 1, 0, 7],
    }
