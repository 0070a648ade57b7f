"""Put all tables of runs together, and decide every part of the plan."""

from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.storage import load_table, save_table
from grvae.params import read_params
from studies.plan import Plan
from studies.runs import Study
from studies.verdicts import check_reach, decide, estimate

RUN = ["variant", "seed"]
NOT_YET = "not yet measured"


def load_runs(tables: Path) -> pd.DataFrame:
    """One row a run, from all tables of a folder.

    Raises:
        GrvaeError: a run has two rows that differ.
    """
    files = sorted(tables.glob("*.csv"))
    runs = pd.concat([load_table(file).drop(columns="device", errors="ignore") for file in files])
    runs = runs.drop_duplicates(ignore_index=True)
    if (twice := runs.duplicated(RUN)).any():
        variant, seed = runs.loc[twice, RUN].iloc[0]
        raise GrvaeError(f"{tables}: run {seed} of {variant} has two rows that differ")
    return runs


def find(plan: Plan, study: Study, runs: pd.DataFrame) -> pd.DataFrame:
    """One row a part: its quantity, margin, value, interval, level, runs and verdict.

    A part is not yet measured while a declared run of its variants has no row.

    Raises:
        GrvaeError: a part or a row is of no declared runs, or a margin is out of reach.
    """
    known = {str(name): set(group["seed"]) for name, group in runs.groupby("variant")}
    for name, seeds in known.items():
        if name not in study.runs or not seeds <= study.runs[name].seeds:
            raise GrvaeError(f"the tables have runs of {name} that params.yaml does not declare")
    rows = []
    for title, claim in plan.claims.items():
        for name, part in claim.parts.items():
            asked = part.variants + part.control.variants
            if unknown := set(asked) - study.runs.keys():
                raise GrvaeError(f"plan.yaml: {name}: params.yaml has no runs of {min(unknown)}")
            rules = part.model_dump(include={"measure", "variant", "minus", "primary"})
            row = {"claim": title, "part": name, **rules, "margin": part.margin}
            rows.append(row | {"n": ", ".join(str(len(known.get(v, ()))) for v in part.variants)})
            if all(known.get(variant) == study.runs[variant].seeds for variant in asked):
                check_reach(name, part, runs)
                level = plan.level(part)
                effect = estimate(part, runs, level)
                verdict = decide(part, part.control, effect, runs)
                rows[-1] |= {**asdict(effect), "level": level, "verdict": verdict}
            else:
                rows[-1] |= {"verdict": NOT_YET}
    return pd.DataFrame(rows)


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "plan", "tables", "out")
def main(params: Path, plan: Path, tables: Path, out: Path) -> None:
    found = find(read_params(plan, Plan), read_params(params, Study), load_runs(tables))
    save_table(out, found)


if __name__ == "__main__":
    main()
