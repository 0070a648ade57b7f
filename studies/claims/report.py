"""Write the report: a verdict on every part of every claim, from the table of runs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.storage import load_json, load_table, save_table, write_atomically
from grvae.show.markdown import (
    MINUS,
    load_template,
    render_template,
    write_number,
    write_percent,
    write_signed,
)
from studies.claims.plan import MEASURES, Measure, Part, Plan, Statement, load_plan
from studies.claims.registration import changed_files, load_deviations, load_registration
from studies.claims.study import load_study
from studies.claims.verdicts import Finding, judge


def write_value(value: float, statement: Statement) -> str:
    """A value of a statement's quantity: shares in per cent, differences signed."""
    measure = MEASURES[statement.measure]
    if statement.minus is None:
        return write_plain(value, measure)
    scale, unit = scale_of_differences(measure)
    return write_signed(scale * value, measure.decimals) + unit


def write_plain(value: float, measure: Measure) -> str:
    """A value of a measure."""
    write = write_percent if measure.is_share else write_number
    return write(value, measure.decimals)


def scale_of_differences(measure: Measure) -> tuple[int, str]:
    """By what a difference is multiplied to be written, and its unit: shares differ in points."""
    return (100, " points") if measure.is_share else (1, "")


def write_effect(finding: Finding, part: Part) -> str:
    """A finding's value and the ends of its interval, which end where shares do."""
    measure, low_end, high_end = MEASURES[part.measure], finding.low, finding.high
    if measure.is_share and part.minus is None:
        low_end, high_end = max(low_end, measure.lowest), min(high_end, 1.0)
    value, low, high = (write_value(end, part) for end in (finding.value, low_end, high_end))
    return f"{value} ({low.removesuffix(' points')} to {high.removesuffix(' points')})"


def write_statement(statement: Statement) -> str:
    """A statement as variants, measure and margin."""
    names = f"`{statement.variant}`" + (f" {MINUS} `{statement.minus}`" if statement.minus else "")
    sign = ">" if statement.more_than is not None else "<"
    label = MEASURES[statement.measure].label
    return f"{names}: {label} {sign} {write_margin(statement)}"


def write_margin(statement: Statement) -> str:
    """The bound of a statement."""
    return write_value(statement.margin, statement)


def write_runs(finding: Finding) -> str:
    """How many runs a finding rests on."""
    return f"{finding.n}" + (f", {finding.n_reference}" if finding.n_reference else "")


def write_detectable(finding: Finding, part: Part) -> str:
    """The smallest distance from the margin that would be found."""
    if finding.detectable is None:
        return write_number(float("nan"))
    scale, unit = scale_of_differences(MEASURES[part.measure])
    return write_number(scale * finding.detectable, 2) + unit


def write_mean(values: pd.Series, name: str) -> str:
    """Mean of a measure over runs, with its lowest and highest value."""
    ends = values.mean(), values.min(), values.max()
    mean, low, high = (write_plain(value, MEASURES[name]) for value in ends)
    return f"{mean} ({low} to {high})"


FILTERS: Mapping[str, Callable[..., str]] = {
    "effect": write_effect,
    "margin": write_margin,
    "statement": write_statement,
    "runs": write_runs,
    "detectable": write_detectable,
    "mean": write_mean,
}


def findings_table(plan: Plan, findings: Mapping[str, Finding]) -> pd.DataFrame:
    """One row a part."""
    rows = []
    for title, claim in plan.claims.items():
        for name, part in claim.parts.items():
            statement = part.model_dump(include={"measure", "variant", "minus"})
            row = {"claim": title, "part": name, **statement, "margin": part.margin}
            rows.append({**row, **asdict(findings[name])})
    return pd.DataFrame(rows)


def context(study: Path, plan: Plan, runs: pd.DataFrame) -> dict[str, Any]:
    """What the templates of both studies' reports ask for."""
    return {
        "plan": plan,
        "findings": judge(plan.parts, runs, plan.alpha),
        "of": {str(name): group for name, group in runs.groupby("variant", sort=False)},
        "runs": len(runs),
        "measures": MEASURES,
        "registration": load_registration(study),
        "changed": changed_files(study),
        "deviations": load_deviations(study),
    }


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "plan", "runs", "reader", "pilot", "findings")
@click.option("--render", "page", type=(PATH, PATH), required=True, help="Template and output.")
def main(
    params: Path,
    plan: Path,
    runs: Path,
    reader: Path,
    pilot: Path,
    findings: Path,
    page: tuple[Path, Path],
) -> None:
    template, out = page
    rows = load_table(runs)
    planned = load_plan(plan, rows["variant"].unique())
    placeholders = context(plan.parent, planned, rows) | {"study": load_study(params)}
    save_table(findings, findings_table(planned, placeholders["findings"]))
    placeholders["pilot"] = load_table(pilot).groupby("trial").mean(numeric_only=True)
    placeholders["reader_accuracy"] = load_json(reader)["test_accuracy"]
    text = render_template(load_template(template), placeholders, FILTERS)
    write_atomically(out, text.encode())


if __name__ == "__main__":
    main()
