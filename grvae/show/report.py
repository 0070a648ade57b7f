"""What the report's templates may show: every placeholder by name."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from grvae.measure.metrics import METRICS
from grvae.measure.summary import COLLAPSED_RECALL
from grvae.params import Params, Variant
from grvae.show.markdown import render_template

# Variants whose gradient is masked.
MASKED = ("gated", "routed", "hard")


def render_report(
    template: str,
    metrics: Mapping[str, Any],
    runs: pd.DataFrame,
    params: Params,
    variants: Mapping[str, Variant],
    published: Mapping[str, Any],
) -> str:
    """Fill the report's template.

    Args:
        template: jinja2 text; its placeholders are the keys of the dict below.
        metrics: see `grvae.measure.summary.summary_over_seeds`.
        runs: see `grvae.measure.summary.runs_table`.
        params: what was asked for.
        variants: each variant in full, by name.
        published: quoted results with their sources; used where the dataset is the same.

    Raises:
        GrvaeError: the template is not valid or names a placeholder that does not exist.
    """
    first = params.variants[0]
    recipes = {name: described(variant) for name, variant in variants.items()}
    placeholders = {
        "params": params,
        "recipes": recipes,
        "recipe_keys": list(recipes[first]),
        "metrics": metrics,
        # The one comparison whose rule was fixed before the run.
        "primary": metrics.get(f"{first}_minus_baseline") if first in MASKED else None,
        "collapsed_recall": COLLAPSED_RECALL,
        "metric": METRICS,
        "runs": runs.to_dict("records"),
        "test_images": int(runs["images"].iloc[0]),
        "recalls": {variant: _recalls(runs, variant) for variant in params.variants},
        "published": published if published["dataset"] == params.dataset else None,
    }
    return render_template(template, placeholders)


def described(variant: Variant) -> dict[str, Any]:
    """A variant's values by key, as in `params.yaml`; dataset and activation first."""
    values = variant.written()
    return {**{key: values[key] for key in values if key != "recipe"}, **values["recipe"]}


def _recalls(runs: pd.DataFrame, variant: str) -> list[dict[str, float]]:
    """By class, the mean and the lowest recall over a variant's seeds."""
    table = runs[runs["variant"] == variant].filter(regex=r"^recall_\d+$")
    return [
        {"mean": float(table[name].mean()), "lowest": float(table[name].min())} for name in table
    ]
