"""From the measures of single runs to one table of all runs and the metrics over seeds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from grvae.base.statistics import CONFIDENCE, Median, estimate_median, paired_difference
from grvae.measure.metrics import METRICS

RunKey = tuple[str, int]  # variant and seed

# Rare runs skew the accuracy over seeds: below this recall a class has collapsed.
COLLAPSED_RECALL = 0.85


def runs_table(measures: Mapping[RunKey, Mapping[str, Any]]) -> pd.DataFrame:
    """One row a run: variant, seed, every scalar measure, and the recall of each class."""
    rows = []
    for (variant, seed), values in measures.items():
        scalars = {
            name: value for name, value in values.items() if not isinstance(value, list | dict)
        }
        recalls = {f"recall_{label}": value for label, value in enumerate(values["recall"])}
        rows.append({"variant": variant, "seed": seed, **scalars, **recalls})
    return pd.DataFrame(rows)


def headlines(runs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By variant, what to look at first: `dvc exp show` has a column for each number.

    Returns:
        accuracy: of the argmax, median over seeds.
        error: squared, per image, median over seeds.
    """
    return {
        str(variant): {
            "accuracy": float(group["argmax_accuracy"].median()),
            "error": float(group["squared_error_per_image"].median()),
        }
        for variant, group in runs.groupby("variant", sort=False)
    }


def summary_over_seeds(runs: pd.DataFrame, pixel_probe_accuracy: float) -> dict[str, Any]:
    """Medians, intervals and paired differences over seeds.

    Args:
        runs: see `runs_table`; every variant has the same seeds in the same order.
        pixel_probe_accuracy: of the linear probe on raw pixels, which has no seed.

    Returns:
        `seeds`, their number; `pixels`; by variant and metric the median, the mean, the lowest and
        the highest value over seeds, with the ends of the median's interval for the main metrics;
        how many runs have a collapsed class, see `collapsed_runs`; and the paired difference of the
        first variant to each other one.
    """
    groups = {str(variant): group for variant, group in runs.groupby("variant", sort=False)}
    metrics: dict[str, Any] = {
        "seeds": int(runs["seed"].nunique()),
        "pixels": {"probe_accuracy": pixel_probe_accuracy},
    }
    main = [name for name, metric in METRICS.items() if metric.is_main]
    for variant, group in groups.items():
        metrics[variant] = {
            name: {
                **(as_summary(estimate_median(group[name].to_numpy())) if name in main else {}),
                "median": float(group[name].median()),
                "mean": float(group[name].mean()),
                "lowest": float(group[name].min()),
                "highest": float(group[name].max()),
            }
            for name in METRICS
            if group[name].notna().all()
        }
        metrics[variant]["collapsed_runs"] = collapsed_runs(group["lowest_recall"].to_numpy())
    first, *others = groups
    for other in others:
        metrics[f"{first}_minus_{other}"] = {
            name: as_summary(
                paired_difference(groups[first][name].to_numpy(), groups[other][name].to_numpy())
            )
            for name in main
        }
    return metrics


def collapsed_runs(lowest_recalls: np.ndarray) -> dict[str, float]:
    """How many runs have a digit that is recognised too seldom, with the share's exact interval.

    Args:
        lowest_recalls: (run,), the recall of each run's worst digit.

    Source: Clopper & Pearson 1934, "The Use of Confidence or Fiducial Limits".
    """
    count = int((lowest_recalls < COLLAPSED_RECALL).sum())
    interval = binomtest(count, len(lowest_recalls)).proportion_ci(CONFIDENCE, method="exact")
    return {
        "count": count,
        "runs": len(lowest_recalls),
        "share_ci95_low": float(interval.low),
        "share_ci95_high": float(interval.high),
    }


def as_summary(value: Median) -> dict[str, float]:
    """A median, and the ends of its interval where it has one, as a file has them."""
    ends = {"ci95_low": value.low, "ci95_high": value.high}
    return {"median": value.median} | {name: end for name, end in ends.items() if end is not None}


def confusion_table(measures: Mapping[RunKey, Mapping[str, Any]]) -> pd.DataFrame:
    """Counts in long form: variant, seed, digit, latent (the one of the largest mean), images."""
    rows = [
        {"variant": variant, "seed": seed, "digit": digit, "latent": latent, "images": images}
        for (variant, seed), values in measures.items()
        for digit, counts in enumerate(values["confusion"])
        for latent, images in enumerate(counts)
    ]
    return pd.DataFrame(rows)
