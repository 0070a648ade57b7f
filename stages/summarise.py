"""Gather all runs into tables, and the metrics over seeds."""

from itertools import product
from pathlib import Path

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import load_json, load_table, save_json, save_table
from grvae.measure.summary import confusion_table, metrics_over_seeds, runs_table
from grvae.params import load_params


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--runs", "runs_folder", type=PATH, required=True)
@click.option("--pixel-probe", "pixel_probe_file", type=PATH, required=True)
@click.option("--metrics", "metrics_file", type=PATH, required=True)
@click.option("--table", "table_file", type=PATH, required=True)
@click.option("--curves", "curves_file", type=PATH, required=True)
@click.option("--confusion", "confusion_file", type=PATH, required=True)
def summarise(
    params_file: Path,
    runs_folder: Path,
    pixel_probe_file: Path,
    metrics_file: Path,
    table_file: Path,
    curves_file: Path,
    confusion_file: Path,
) -> None:
    """Gather all runs into tables, and the metrics over seeds."""
    params = load_params(params_file)
    measures, histories = {}, []
    for variant, seed in product(params.variants, params.seeds):
        run = runs_folder / variant / str(seed)
        measures[variant, seed] = load_json(run / "measures.json")
        histories.append(load_table(run / "history.csv").assign(variant=variant, seed=seed))
    runs = runs_table(measures)
    pixel_probe = load_json(pixel_probe_file)
    save_table(table_file, runs)
    save_table(curves_file, pd.concat(histories))
    save_table(confusion_file, confusion_table(measures))
    save_json(metrics_file, metrics_over_seeds(runs, pixel_probe["probe_accuracy"]))


if __name__ == "__main__":
    summarise()
