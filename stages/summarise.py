"""Gather all runs into tables and metrics over seeds; runs that nobody asks for are removed."""

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.layout import keep_only, run_folder
from grvae.base.storage import load_json, load_table, save_json, save_table, write_atomically
from grvae.measure.summary import confusion_table, headlines, runs_table, summary_over_seeds
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "pixel-probe", "metrics", "summary", "table", "curves", "confusion")
@paths("lock", required=False)
def summarise(
    params: Path,
    runs: Path,
    pixel_probe: Path,
    metrics: Path,
    summary: Path,
    table: Path,
    curves: Path,
    confusion: Path,
    lock: Path | None,
) -> None:
    settings = load_params(params)
    wanted = list(product(settings.variants, settings.seeds))
    keep_only(runs, wanted)
    if lock is not None and lock.exists():  # by hand, it may run without DVC
        order = [*settings.variants, *(f"{variant}-{seed}" for variant, seed in wanted)]
        write_atomically(lock, with_rows(lock.read_text(), order).encode())
    measures, histories = {}, []
    for variant, seed in wanted:
        run = run_folder(runs, variant, seed)
        measures[variant, seed] = load_json(run.measures)
        histories.append(load_table(run.history).assign(variant=variant, seed=seed))
    rows = runs_table(measures)
    save_table(table, rows)
    save_table(curves, pd.concat(histories))
    save_table(confusion, confusion_table(measures))
    for variant, values in headlines(rows).items():
        save_json(metrics / f"{variant}.json", values)
    save_json(summary, summary_over_seeds(rows, load_json(pixel_probe)["probe_accuracy"]))


def with_rows(lock: str, rows: Sequence[str]) -> str:
    """DVC's lock with these rows of its matrices and no others, in this order, before the rest.

    DVC keeps what it has noted of a row that is dropped, and notes a new one at the end, so that
    the lock would depend on what has been asked before. DVC reads the file anew to note that a
    stage has ended, this one too.
    """
    head, *stages = re.split(r"^(?=  \S)", lock, flags=re.MULTILINE)
    of_rows: dict[str, dict[str, str]] = {}  # by stage and row
    others = []
    for stage in stages:
        if name := re.match(r"  (\w+)@(.+):\n", stage):
            of_rows.setdefault(name[1], {})[name[2]] = stage
        else:
            others.append(stage)
    asked = [noted[row] for noted in of_rows.values() for row in rows if row in noted]
    return "".join([head, *asked, *others])


if __name__ == "__main__":
    summarise()
