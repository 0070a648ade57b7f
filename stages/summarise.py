"""Gather all runs into tables and metrics over seeds; runs that nobody asks for are removed."""

import re
from collections.abc import Collection
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
        asked = {f"{variant}-{seed}" for variant, seed in wanted} | set(settings.variants)
        write_atomically(lock, without_other_rows(lock.read_text(), asked).encode())
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


def without_other_rows(lock: str, rows: Collection[str]) -> str:
    """DVC's lock without the stages of other rows of a matrix.

    DVC keeps what it has noted of a stage when its row is dropped, so the lock would depend on what
    has been asked before. DVC reads the file anew to note that a stage has ended, this one too.
    """
    stages = re.split(r"^(?=  \S)", lock, flags=re.MULTILINE)
    names = [re.match(r"  \w+@(.+):\n", stage) for stage in stages]
    return "".join(
        stage for stage, name in zip(stages, names, strict=True) if name is None or name[1] in rows
    )


if __name__ == "__main__":
    summarise()
