"""The report: numbers in, markdown out. How a number is rounded and written is decided here only.

The text is in the template; a placeholder that names nothing is an error, never a gap.
"""

import json
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError

from grvae.base.errors import GrvaeError
from grvae.base.sizes import DIGITS
from grvae.params import Params

MISSING, MINUS = "\N{EM DASH}", "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Measure:
    """How a measure is called and written.

    Attributes:
        name: its key in the metrics.
        label: what it is, with its unit where it has one.
        decimals: how many to show.
        is_share: in [0, 1], written in per cent.
    """

    name: str
    label: str
    decimals: int
    is_share: bool = False


MEASURES = (
    Measure("argmax_accuracy", "argmax accuracy", 1, is_share=True),
    Measure("assigned_accuracy", "accuracy under the best assignment", 1, is_share=True),
    Measure("probe_accuracy", "accuracy of a linear probe on the means", 1, is_share=True),
    Measure("lowest_recall", "recall of the worst digit", 1, is_share=True),
    Measure("squared_error_per_image", "squared error per image", 2),
    Measure("mse_per_pixel", "mean squared error per pixel", 4),
    Measure("bce_per_image", "binary cross-entropy per image, nats", 1),
    Measure("kl_per_image", "KL divergence to N(0, I) per image, nats", 1),
    Measure("dead_latents", "dead latents", 1),
)


def render_report(
    template: str,
    metrics: Mapping[str, Any],
    runs: pd.DataFrame,
    params: Params,
    published: Mapping[str, Any],
) -> str:
    """Fill the report's template.

    Args:
        template: jinja2 text; its placeholders are the arguments below and what
            `_context` derives from them.
        metrics: see `grvae.measure.summary.metrics_over_seeds`.
        runs: see `grvae.measure.summary.runs_table`.
        params: what was run.
        published: quoted results with their sources; used where the dataset is the same.

    Raises:
        GrvaeError: the template is not valid or names a placeholder that does not exist.
    """
    return render_template(
        template,
        _context(metrics, runs, params, published),
        {
            "estimate": write_estimate,
            "value": write_value,
            "setting": write_setting,
        },
    )


def render_template(
    template: str, context: Mapping[str, Any], filters: Mapping[str, Callable[..., str]]
) -> str:
    """Fill a template.

    Args:
        template: jinja2 text.
        context: every placeholder by name.
        filters: how to write what it holds, beside `percent`, `number` and `count`.

    Raises:
        GrvaeError: the template is not valid or names a placeholder that does not exist.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "percent": write_percent,
        "number": write_number,
        "count": write_count,
        **filters,
    }
    try:
        return environment.from_string(template).render(context)
    except TemplateSyntaxError as error:
        raise GrvaeError(f"the report's template, line {error.lineno}: {error.message}") from error
    except TemplateError as error:
        line = _template_line(error)
        raise GrvaeError(f"the report's template, line {line}: {error.message}") from error


def load_template(path: Path) -> str:
    """Read a template.

    Raises:
        GrvaeError: the file is missing or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise GrvaeError(f"{path}: corrupt, not UTF-8 text") from error


def _template_line(error: TemplateError) -> int | None:
    """The line of the template that was rendered when the error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if "<template>" in frame.filename), 0)


def _context(
    metrics: Mapping[str, Any],
    runs: pd.DataFrame,
    params: Params,
    published: Mapping[str, Any],
) -> dict[str, Any]:
    """Every placeholder by name."""
    recipes = {variant: params.recipe_of(variant).model_dump() for variant in params.variants}
    return {
        "params": params,
        "recipes": recipes,
        "recipe_keys": list(recipes[params.variants[0]]),
        "metrics": metrics,
        "measures": MEASURES,
        "primary": metrics.get("routed_minus_baseline"),
        "runs": runs.to_dict("records"),
        "test_images": int(runs["images"].iloc[0]),
        "recalls": {variant: _recalls(runs, variant) for variant in params.variants},
        "published": published if published["dataset"] == params.dataset else None,
    }


def _recalls(runs: pd.DataFrame, variant: str) -> list[dict[str, float]]:
    """By digit, the mean and the lowest recall over a variant's seeds."""
    table = runs[runs["variant"] == variant]
    columns = [table[f"recall_{digit}"] for digit in range(DIGITS)]
    return [{"mean": float(column.mean()), "lowest": float(column.min())} for column in columns]


def write_percent(share: float, decimals: int = 1) -> str:
    """A share in [0, 1] in per cent."""
    return f"{write_number(100 * share, decimals)} %"


def write_number(value: float, decimals: int = 2) -> str:
    """A number with fixed decimals; an em dash where there is none."""
    return MISSING if pd.isna(value) else f"{value:.{decimals}f}".replace("-", MINUS)


def write_count(count: int) -> str:
    """A whole number, with commas from a thousand on."""
    return f"{count:,}"


def write_signed(difference: float, decimals: int = 2) -> str:
    """A difference with its sign; a true minus, and no sign on what rounds to zero."""
    text = f"{difference:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def write_estimate(
    estimate: Mapping[str, float] | None, measure: Measure, is_difference: bool = False
) -> str:
    """A mean over seeds, and the ends of its interval where it has one."""
    if estimate is None:
        return MISSING
    values = [estimate[key] for key in ("mean", "ci95_low", "ci95_high") if key in estimate]
    if is_difference and measure.is_share:
        mean, *ends = [write_signed(100 * value, measure.decimals) for value in values]
        mean += " points"
    elif is_difference:
        mean, *ends = [write_signed(value, measure.decimals) for value in values]
    else:
        mean, *ends = [write_value(value, measure) for value in values]
    return f"{mean} ({ends[0]} to {ends[1]})" if ends else mean


def write_value(value: float, measure: Measure) -> str:
    """One value of a measure."""
    if measure.is_share:
        return write_percent(value, measure.decimals)
    return write_number(value, measure.decimals)


def write_setting(value: object, usual: object) -> str:
    """A parameter's value as in YAML; bold where it is not the usual one."""
    text = f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"
    return text if value == usual else f"**{text}**"
