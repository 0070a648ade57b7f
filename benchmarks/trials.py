"""Train recipes with many seeds, a run a core, and note what each run reads and loses.

A list of trials names recipes by what they change, and their seeds. Runs that the table already has
are not trained again, so a list can grow. On a GPU runs draw other random numbers than on a CPU, so
that a seed is another run there. Whoever chooses a recipe measures on the validation
split, and the test split is not opened then.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import click
import pandas as pd
import torch
from pydantic import Field

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_table
from grvae.measure.evaluation import observe
from grvae.measure.metrics import argmax_accuracy, lowest_recall, squared_error_per_image
from grvae.model.images import load_images
from grvae.model.training import train_vae
from grvae.params import Name, Section, load_params, read_params

MEASURES = (argmax_accuracy, lowest_recall, squared_error_per_image)
PLACES = 6  # decimals in the table


class Trial(Section):
    """A recipe to train.

    Attributes:
        family: what it is an example of.
        variant: of `params.yaml`, where the changes start; by default what all variants share.
        changes: see `Variant.override`.
        seeds: the first one and their number.
    """

    family: str
    variant: Name | None = None
    changes: dict[str, Any] = Field(default_factory=dict)
    seeds: Annotated[list[int], Field(min_length=2, max_length=2)]


class Trials(Section):
    """A list of trials, by name."""

    trials: dict[Name, Trial]


def run_trial(
    params_file: Path, data: Path, trial: Trial, seed: int, split: str, device: str, follow: bool
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Train one run and measure it on a split; returns the measures and the history.

    With `follow`, each epoch is measured on the validation split, too.
    """
    torch.set_num_threads(1)
    params = load_params(params_file)
    variant = params.variant(trial.variant, trial.changes)
    train = load_images(DataFolder(data).train)
    validation = (
        load_images(DataFolder(data).validation, may_be_empty=True) if follow else train[:0]
    )
    start = process_time()
    with torch.device(device):
        model, history = train_vae(
            train.to(device), validation.to(device), variant.recipe, variant.latent_act, seed
        )
    seconds = process_time() - start
    images = load_images(getattr(DataFolder(data), split))
    outcome = observe(model.cpu(), variant.recipe, params.evaluation, train[:0], images)
    measures = {measure.__name__: round(measure(outcome), PLACES) for measure in MEASURES}
    about = {"device": device, "cpu_seconds": round(seconds, 1) if device == "cpu" else None}
    return {**measures, **about}, pd.DataFrame(asdict(row) for row in history)


def missing_runs(trials: dict[str, Trial], table: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """The runs (name, seed) that a table lacks: first seeds first, so that no trial lags behind."""
    known = set(zip(table.get("trial", []), table.get("seed", []), strict=True))
    runs = [
        (position, name, first + position)
        for name, trial in trials.items()
        for first, number in [trial.seeds]
        for position in range(number)
    ]
    for _, name, seed in sorted(runs, key=lambda run: run[0]):
        if (name, seed) not in known:
            yield name, seed


@click.command(cls=StageCommand)
@paths("params", "data", "trials", "table")
@click.option("--split", type=click.Choice(["validation", "test"]), required=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--histories", type=PATH, help="Keep the history of each run here.")
def train_trials(
    params: Path,
    data: Path,
    trials: Path,
    table: Path,
    split: str,
    workers: int,
    device: str,
    histories: Path | None,
) -> None:
    """Train every run of a list that the table lacks, and add its row."""
    if device == "cuda" and not torch.cuda.is_available():
        raise GrvaeError("--device: got cuda, but PyTorch finds no GPU")
    asked, common = read_params(trials, Trials).trials, load_params(params)
    try:
        for trial in asked.values():
            common.variant(trial.variant, trial.changes)
    except ValueError as error:
        raise GrvaeError(f"{trials}: {error}") from error
    rows = load_table(table) if table.exists() else pd.DataFrame()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        runs = {
            pool.submit(
                run_trial, params, data, asked[name], seed, split, device, histories is not None
            ): (name, seed)
            for name, seed in missing_runs(asked, rows)
        }
        for done in as_completed(runs):
            name, seed = runs[done]
            measures, history = done.result()
            row = {"trial": name, "family": asked[name].family, "seed": seed, **measures}
            rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
            save_table(table, rows.sort_values(["trial", "seed"]))
            if histories:
                save_table(histories / f"{name}-{seed}.csv", history)
            click.echo(", ".join(f"{key} {value}" for key, value in row.items()))


if __name__ == "__main__":
    train_trials()
