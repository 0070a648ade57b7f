"""What the report's templates may show: every placeholder by name."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from grvae.base.statistics import estimate_median
from grvae.measure.metrics import METRICS
from grvae.measure.summary import COLLAPSED_RECALL, as_summary, collapsed_runs
from grvae.params import Params, Variant
from grvae.show.markdown import render_template


def render_report(
    template: str,
    metrics: Mapping[str, Any],
    runs: pd.DataFrame,
    params: Params,
    variants: Mapping[str, Variant],
    published: Mapping[str, Any],
    many_seeds: pd.DataFrame,
) -> str:
    """Fill the report's template.

    Args:
        template: jinja2 text; its placeholders are the keys of the dict below.
        metrics: see `grvae.measure.summary.summary_over_seeds`.
        runs: see `grvae.measure.summary.runs_table`.
        params: what was asked for.
        variants: each variant in full, by name.
        published: quoted results with their sources; used where the dataset is the same.
        many_seeds: runs that no pipeline trains, by `trial`; used likewise.

    Raises:
        GrvaeError: the template is not valid or names a placeholder that does not exist.
    """
    first = params.variants[0]
    recipes = {
        name: variant.model_dump(exclude={"recipe"}) | variant.recipe.model_dump()
        for name, variant in variants.items()
    }
    is_quoted = published["dataset"] == params.dataset
    by_trial = summaries(many_seeds) if is_quoted else {}
    elsewhere = params.overrides.keys() - params.variants
    placeholders = {
        "params": params,
        "recipes": recipes,
        "recipe_keys": [
            key for key in recipes[first] if len({str(it[key]) for it in recipes.values()}) > 1
        ],
        "kinds": {name: params.variant(name).recipe.kind for name in params.overrides},
        "metrics": metrics,
        # The one comparison whose rule was fixed before the run.
        "primary": metrics.get(f"{first}_minus_baseline"),
        "collapsed_recall": COLLAPSED_RECALL,
        "metric": METRICS,
        "test_images": int(runs["images"].iloc[0]),
        "published": published if is_quoted else None,
        "many_seeds": by_trial,
        "elsewhere": {name: row for name, row in by_trial.items() if name in elsewhere},
    }
    return render_template(template, placeholders)


def summaries(many_seeds: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By `trial`, its summary over many seeds."""
    return {
        str(name): {
            "runs": len(runs),
            "lowest_recall": float(runs["lowest_recall"].min()),
            "collapsed_runs": collapsed_runs(runs["lowest_recall"].to_numpy()),
            **{
                metric: as_summary(estimate_median(runs[metric].to_numpy()))
                for metric in ("argmax_accuracy", "squared_error_per_image")
            },
        }
        for name, runs in many_seeds.groupby("trial", sort=False)
    }
