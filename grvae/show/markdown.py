"""Numbers as text, and templates filled with them: the one place that rounds and writes.

The text is in a template; a placeholder that names nothing is an error, never a gap.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError

from grvae.base.errors import GrvaeError
from grvae.measure.metrics import Metric

MISSING, MINUS = "\N{EM DASH}", "\N{MINUS SIGN}"


def render_template(
    template: str,
    context: Mapping[str, Any],
    filters: Mapping[str, Callable[..., str]] = MappingProxyType({}),
) -> str:
    """Fill a template.

    Args:
        template: jinja2 text.
        context: every placeholder by name.
        filters: further ways to write what it holds, beside those of this module.

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
        "estimate": write_estimate,
        "setting": write_setting,
        **filters,
    }
    try:
        return environment.from_string(template).render(context)
    except TemplateError as error:
        line = f", line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise GrvaeError(f"the report's template{line}: {error.message}") from error


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
    estimate: Mapping[str, float] | None, metric: Metric, is_difference: bool = False
) -> str:
    """A median over seeds, and the ends of its interval where it has one."""
    if estimate is None:
        return MISSING
    median, *ends = (
        write_value(estimate[key], metric.decimals, metric.is_share, is_difference)
        for key in ("median", "ci95_low", "ci95_high")
        if key in estimate
    )
    return f"{median} ({' to '.join(ends).replace(' points', '')})" if ends else median


def write_value(value: float, decimals: int, is_share: bool, is_difference: bool) -> str:
    """A value of a quantity: shares in per cent, differences signed."""
    if is_difference:
        scale, unit = (100, " points") if is_share else (1, "")
        return write_signed(scale * value, decimals) + unit
    return (write_percent if is_share else write_number)(value, decimals)


def write_setting(value: object, usual: object) -> str:
    """A parameter's value as in YAML; bold where it is not the usual one."""
    text = f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"
    return text if value == usual else f"**{text}**"
