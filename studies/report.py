"""Write the report and its forest plot from the findings: every number stands in a table."""

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_json, load_table, write_atomically
from grvae.params import read_params
from grvae.show.markdown import (
    MISSING,
    load_template,
    render_template,
    write_value,
)
from grvae.show.style import encode_png
from studies.findings import load_runs
from studies.forest import draw_forest
from studies.plan import MEASURES, Part, Plan, Statement


def write_found(value: float, statement: Statement) -> str:
    """A value of a statement's quantity."""
    measure, is_difference = MEASURES[statement.measure], statement.minus is not None
    return write_value(value, measure.decimals, measure.is_share, is_difference)


def write_effect(finding: Mapping[Hashable, Any], part: Part) -> str:
    """A finding's value, and the ends of its interval if it has one."""
    if pd.isna(finding["value"]):
        return MISSING
    value, low, high = (write_found(finding[key], part) for key in ("value", "low", "high"))
    if pd.isna(finding["low"]):
        return f"{value} (too few)"
    return f"{value} ({low.removesuffix(' points')} to {high.removesuffix(' points')})"


def write_briefly(finding: Mapping[Hashable, Any], part: Part) -> str:
    """A finding's value, and whether its runs are too few for an interval."""
    value = write_found(finding["value"], part)
    return f"{value}, too few runs to tell" if pd.isna(finding["low"]) else value


def write_margin(statement: Statement) -> str:
    """The bound of a statement with its side, in the unit of what was found."""
    side = ">" if statement.more_than is not None else "<"
    number = write_found(statement.margin, statement)
    return f"{side} {number.removesuffix(' %').removesuffix(' points')}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "effect": write_effect,
    "briefly": write_briefly,
    "margin": write_margin,
}


@click.command(cls=StageCommand, help=__doc__)
@paths("plan", "tables", "findings", "classifier", "pilot")
@paths("template", "claims-template", "figure", "out", "claims")
def main(
    plan: Path,
    tables: Path,
    findings: Path,
    classifier: Path,
    pilot: Path,
    template: Path,
    claims_template: Path,
    figure: Path,
    out: Path,
    claims: Path,
) -> None:
    planned, rows, runs = read_params(plan, Plan), load_table(findings), load_runs(tables)
    found = {row["part"]: row for row in rows.to_dict("records")}
    parts = planned.parts
    texts = {n: f"{write_effect(found[n], p)}, {write_margin(p)}" for n, p in parts.items()}
    write_atomically(figure, encode_png(draw_forest(parts, rows, texts)))
    placeholders = {
        "plan": planned,
        "findings": found,
        "counts": rows[rows["primary"]]["verdict"].value_counts().to_dict(),
        "runs": runs,
        "of": runs.groupby("variant").median(numeric_only=True).to_dict("index"),
        "classifier": load_json(classifier),
        "pilot": load_table(pilot).groupby("trial").mean(numeric_only=True).to_dict("index"),
    }
    for source, page in ((template, out), (claims_template, claims)):
        text = render_template(load_template(source), placeholders, FILTERS)
        write_atomically(page, text.encode())


if __name__ == "__main__":
    main()
