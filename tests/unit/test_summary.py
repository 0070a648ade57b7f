import pytest

from grvae.measure.summary import runs_table, summary_over_seeds

SCALARS = {
    "images": 100,
    "assigned_accuracy": 0.9,
    "lowest_recall": 0.6,
    "probe_accuracy": 0.95,
    "mse_per_pixel": 0.03,
    "bce_per_image": 120.0,
    "kl_per_image": 20.0,
    "dead_latents": 0,
}


def run(accuracy, error, **changes):
    own = {"argmax_accuracy": accuracy, "squared_error_per_image": error, "recall": [0.6] * 10}
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


def test_metrics_are_means_over_seeds():
    metrics = summary_over_seeds(runs_table(MEASURES), 0.92)
    assert metrics["routed"]["argmax_accuracy"]["mean"] == pytest.approx(0.92)
    assert metrics["routed"]["lowest_recall"]["mean"] == pytest.approx(0.5)
    assert metrics["routed"]["lowest_recall"]["lowest"] == 0.4
    assert (metrics["seeds"], metrics["pixels"]) == (2, {"probe_accuracy": 0.92})


def test_differences_are_paired_by_seed():
    metrics = summary_over_seeds(runs_table(MEASURES), 0.92)
    difference = metrics["routed_minus_baseline"]["argmax_accuracy"]
    assert difference == {
        "mean": pytest.approx(0.8),
        "ci95_low": pytest.approx(0.8),
        "ci95_high": pytest.approx(0.8),
    }


def test_metric_that_some_run_lacks_is_left_out():
    metrics = summary_over_seeds(runs_table(MEASURES), 0.92)
    assert "kl_per_image" in metrics["routed"]
    assert "kl_per_image" not in metrics["baseline"]


def test_single_variant_has_no_difference():
    routed = {key: values for key, values in MEASURES.items() if key[0] == "routed"}
    assert set(summary_over_seeds(runs_table(routed), 0.92)) == {"routed", "seeds", "pixels"}
