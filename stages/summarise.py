"""Gather all runs into tables and metrics over seeds."""

from itertools import product
from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.layout import run_folder
from grvae.base.storage import load_json, load_table, save_json, save_table
from grvae.measure.summary import confusion_table, headlines, runs_table, summary_over_seeds
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "pixel-probe", "metrics", "summary", "table", "curves", "confusion")
def summarise(
    params: Path,
    runs: Path,
    pixel_probe: Path,
    metrics: Path,
    summary: Path,
    table: Path,
    curves: Path,
    confusion: Path,
) -> None:
    settings = load_params(params)
    measures, histories = {}, []
    for variant, seed in product(settings.variants, settings.seeds):
        run = run_folder(runs, variant, seed)
        measures[variant, seed] = load_json(run.measures)
        histories.append(load_table(run.history).assign(variant=variant, seed=seed))
    rows = runs_table(measures)
    save_table(table, rows)
    save_table(curves, pd.concat(histories))
    save_table(confusion, confusion_table(measures))
    save_json(metrics, headlines(rows))
    classes = {"classes": next(iter(measures.values()))["classes"]}
    over_seeds = summary_over_seeds(rows, load_json(pixel_probe)["probe_accuracy"])
    save_json(summary, classes | over_seeds)


if __name__ == "__main__":
    summarise()
