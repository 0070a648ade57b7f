"""Write the report: estimates, comparisons and verdicts from the table of runs."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.statistics import Estimate, estimate
from grvae.base.storage import load_json, load_table, save_table, write_atomically
from grvae.show.markdown import (
    load_template,
    render_template,
    write_number,
    write_percent,
    write_signed,
)
from studies.claims.evidence import (
    ALPHA,
    ALTERNATIVES,
    FULL,
    FULL_LENGTH_CLAIMS,
    GOOD_RECALL,
    GUESSES,
    ROUTED_SHARES,
    RULES,
    SOFT_MASKS,
    WORTH_NAMING,
    WRONG_SHARES,
    Comparison,
    at_full_length,
    compare_all,
    is_better,
    is_right,
    judge_claims,
    of_claim,
    plans_among,
    share_of_good_runs,
)
from studies.claims.study import Study, load_study


def context(
    study: Study, runs: pd.DataFrame, comparisons: list[Comparison], at_length: list[Comparison]
) -> dict[str, Any]:
    """Every placeholder that the runs fill.

    Args:
        study: what was run.
        runs: one row a run.
        comparisons: all that were planned.
        at_length: those of them that could be made between runs of full length.
    """
    full = at_full_length(runs)
    return {
        "total_runs": len(runs),
        "settings": runs["setting"].nunique(),
        "split_settings": list(study.halves.variants),
        "split_epochs": study.halves.recipe.epochs,
        "split_certificate_epochs": study.halves.recipe.certificate_epochs,
        "epochs": study.common["epochs"],
        "decoder_epochs": study.common["decoder_epochs"],
        "first_seed": study.first_seed,
        "still_weight": study.variants["kl_0_still"]["kl_weight"],
        "alpha": ALPHA,
        "worth_naming": WORTH_NAMING,
        "good_recall": GOOD_RECALL,
        "e": {
            name: estimates_of(runs[runs["setting"] == name])
            for name in (*study.variants, *study.halves.variants)
        },
        "comparisons": comparisons,
        "at_length": at_length,
        "verdicts": judge_claims(runs, comparisons, tuple(RULES)),
        "full_verdicts": judge_claims(full, at_length, FULL_LENGTH_CLAIMS),
        "full_settings": [name for name in study.variants if name.startswith(FULL)],
        "right_guesses": [
            name for name, pairs in GUESSES.items() if is_right(of_claim(comparisons, 3), pairs)
        ],
        "beaten": losses_beaten(comparisons),
        "full_beaten": losses_beaten(at_length),
        "kl_settings": [name for name in study.variants if name.startswith("kl_")],
        "guess_settings": list(
            dict.fromkeys(name for pairs in GUESSES.values() for pair in pairs for name in pair)
        ),
        "label_settings": [*ROUTED_SHARES, *WRONG_SHARES, *SOFT_MASKS],
        "alternatives": list(ALTERNATIVES),
        "good_runs": share_of_good_runs(runs),
        "full_good_runs": share_of_good_runs(full),
        "ends": {name: ends_of(runs[runs["setting"] == name]) for name in study.variants},
    }


def losses_beaten(comparisons: list[Comparison]) -> list[str]:
    """The losses that routing is better than, as code."""
    return [f"`{name}`" for name in ALTERNATIVES if is_better(of_claim(comparisons, 8), name)]


def ends_of(rows: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """The lowest and the highest value of each measure over one setting's runs."""
    numbers = rows.select_dtypes("number")
    return {str(name): (float(v.min()), float(v.max())) for name, v in numbers.items()}


def estimates_of(rows: pd.DataFrame) -> dict[str, Estimate]:
    """Every measure that one setting's runs have."""
    numbers = rows.drop(columns="seed").dropna(axis="columns").select_dtypes("number")
    return {str(name): estimate(column.to_numpy()) for name, column in numbers.items()}


def write_spread(value: Estimate, decimals: int) -> str:
    """A mean and its interval."""
    mean, low, high = (write_number(v, decimals) for v in (value.mean, value.low, value.high))
    return f"{mean} ({low} to {high})"


def write_spread_percent(value: Estimate, is_bounded: bool = True) -> str:
    """A share and its interval in per cent.

    Args:
        value: of the share.
        is_bounded: whether it is in [0, 1], so that no end of the interval is shown beyond; what is
            done away with of an error is not, since an error can grow.
    """
    low, high = value.low, value.high
    if is_bounded:
        low, high = max(0.0, low), min(1.0, high)
    return f"{write_percent(value.mean)} ({write_percent(low)} to {write_percent(high)})"


def write_difference(value: Estimate, decimals: int, is_share: bool) -> str:
    """A signed difference and its interval; of shares, in points."""
    factor = 100 if is_share else 1
    mean, low, high = (
        write_signed(factor * v, decimals) for v in (value.mean, value.low, value.high)
    )
    return f"{mean}{' points' if is_share else ''} ({low} to {high})"


def write_p_value(value: float) -> str:
    """A p-value with three decimals, or a bound."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


FILTERS: Mapping[str, Callable[..., str]] = {
    "spread": write_spread,
    "spread_percent": write_spread_percent,
    "difference": write_difference,
    "p_value": write_p_value,
}


def comparisons_table(comparisons: list[Comparison]) -> pd.DataFrame:
    """One row a comparison."""
    rows: list[Mapping[str, Any]] = []
    for comparison in comparisons:
        values = asdict(comparison)
        difference = values.pop("difference")
        rows.append({**values, **{f"difference_{name}": v for name, v in difference.items()}})
    return pd.DataFrame(rows)


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "halves-runs", "reader", "comparisons")
@click.option("--render", "pages", type=(PATH, PATH), multiple=True, help="Template and output.")
def main(
    params: Path,
    runs: Path,
    halves_runs: Path,
    reader: Path,
    comparisons: Path,
    pages: tuple[tuple[Path, Path], ...],
) -> None:
    study = load_study(params)
    rows = pd.concat([load_table(runs), load_table(halves_runs)], ignore_index=True)
    full = at_full_length(rows)
    compared = compare_all(rows)
    at_length = compare_all(full, plans_among(full["setting"].unique()))
    table = {"short": comparisons_table(compared), "full": comparisons_table(at_length)}
    save_table(comparisons, pd.concat(table, names=["length"]).reset_index("length"))
    placeholders = context(study, rows, compared, at_length) | {
        "judge_accuracy": load_json(reader)["test_accuracy"],
    }
    for template, out in pages:
        text = render_template(load_template(template), placeholders, FILTERS)
        write_atomically(out, text.encode())


if __name__ == "__main__":
    main()
