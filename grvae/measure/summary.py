"""From the measures of single runs to one table of all runs and the metrics over seeds."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from grvae.base.statistics import Estimate, estimate, paired_difference

# Shown by `dvc metrics show`; those with an interval are what the report argues from.
WITH_INTERVAL = ("argmax_accuracy", "squared_error_per_image", "probe_accuracy")
MEAN_ONLY = (
    "assigned_accuracy",
    "lowest_recall",
    "mse_per_pixel",
    "bce_per_image",
    "kl_per_image",
    "dead_latents",
)
Run = tuple[str, int]


def runs_table(measures: Mapping[Run, Mapping[str, Any]]) -> pd.DataFrame:
    """One row a run: variant, seed, every scalar measure, and the recall of each digit."""
    rows = []
    for (variant, seed), values in measures.items():
        scalars = {name: value for name, value in values.items() if not isinstance(value, list)}
        recalls = {f"recall_{digit}": value for digit, value in enumerate(values["recall"])}
        rows.append({"variant": variant, "seed": seed, **scalars, **recalls})
    return pd.DataFrame(rows)


def metrics_over_seeds(runs: pd.DataFrame, pixel_probe_accuracy: float) -> dict[str, Any]:
    """Means, intervals and paired differences over seeds.

    Args:
        runs: see `runs_table`; every variant has the same seeds in the same order.
        pixel_probe_accuracy: of the linear probe on raw pixels, which has no seed.

    Returns:
        `seeds`, their number; `pixels`; by variant and metric the mean over seeds, with the ends of
        its interval for the main metrics; and the paired difference of the first variant to each
        other one.
    """
    groups = {str(variant): group for variant, group in runs.groupby("variant", sort=False)}
    metrics: dict[str, Any] = {
        "seeds": int(runs["seed"].nunique()),
        "pixels": {"probe_accuracy": pixel_probe_accuracy},
    }
    for variant, group in groups.items():
        intervals = {name: _interval(estimate(group[name].to_numpy())) for name in WITH_INTERVAL}
        defined = [name for name in MEAN_ONLY if group[name].notna().all()]
        means = {name: {"mean": float(group[name].mean())} for name in defined}
        means["lowest_recall"]["worst"] = float(group["lowest_recall"].min())
        metrics[variant] = intervals | means
    first, *others = groups
    for other in others:
        metrics[f"{first}_minus_{other}"] = {
            name: _interval(
                paired_difference(groups[first][name].to_numpy(), groups[other][name].to_numpy())
            )
            for name in WITH_INTERVAL
        }
    return metrics


def _interval(value: Estimate) -> dict[str, float]:
    return {"mean": value.mean, "ci95_low": value.low, "ci95_high": value.high}


def confusion_table(measures: Mapping[Run, Mapping[str, Any]]) -> pd.DataFrame:
    """Counts in long form: variant, seed, digit, latent (the one of the largest mean), images."""
    rows = [
        {"variant": variant, "seed": seed, "digit": digit, "latent": latent, "images": images}
        for (variant, seed), values in measures.items()
        for digit, counts in enumerate(values["confusion"])
        for latent, images in enumerate(counts)
    ]
    return pd.DataFrame(rows)
