"""Train every run that a table lacks, in parallel processes, and add its row as soon as it is done.

A list names recipes and their seeds, and can grow: a run that has a row is not made again. A run is
trained on a device and measured on the CPU. A GPU draws other random numbers than a CPU, so that a
seed is another run there.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

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
from grvae.model.vae import VAE
from grvae.params import Evaluation, Name, Params, Section, Variant, load_params, read_params
from studies.classifier import load_classifier
from studies.measure import measure as measure_run
from studies.runs import Seeds, Study, expand

METRICS = (argmax_accuracy, lowest_recall, squared_error_per_image)
PLACES = 6  # decimals of each in the table

Row = dict[str, Any]
Measure = Callable[[VAE, Variant, DataFolder], Row]
Runs = Mapping[tuple[str, int], Callable[[], Row]]  # by name and seed, what makes a run


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
    seeds: Seeds


class Trials(Section):
    """A list of trials, by name."""

    trials: dict[Name, Trial]


def fill_table(table: Path, column: str, runs: Runs, workers: int) -> None:
    """Make the runs that a table lacks, and write the table with its row whenever one is done.

    Args:
        table: sorted as the runs are; a stop loses only what was running.
        column: the one with a run's name; its seed is in `seed`.
        runs: the whole list.
        workers: processes, each with one thread.

    Raises:
        GrvaeError: naming each run that failed, when all others are done.
    """
    rows = load_table(table) if table.exists() else pd.DataFrame(columns=[column, "seed"])
    known = set(zip(rows[column], rows["seed"], strict=True))
    places = {name: place for place, name in enumerate(dict.fromkeys(name for name, _ in runs))}
    failed = []
    pool = ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,))
    try:
        started = {pool.submit(make): run for run, make in runs.items() if run not in known}
        for done in as_completed(started):
            name, seed = started[done]
            if isinstance(error := done.exception(), GrvaeError):
                failed.append(f"{name} {seed}: {error}")
                continue
            row = {column: name, "seed": seed, **done.result()}
            rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
            in_order = rows.assign(place=rows[column].map(places)).sort_values(["place", "seed"])
            save_table(table, in_order.drop(columns="place"))
            click.echo(f"{name} {seed}")
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        raise GrvaeError("; ".join(failed))


def run_variant(
    variant: Variant,
    seed: int,
    files: DataFolder,
    device: str,
    measure: Measure,
    history: Path | None,
) -> Row:
    """Train and measure a variant; a history has measures on validation images after each epoch."""
    train = load_images(files.train)
    validation = load_images(files.validation, may_be_empty=True) if history else train[:0]
    start = process_time()
    with torch.device(device):
        model, epochs = train_vae(
            train.to(device), validation.to(device), variant.recipe, variant.latent_act, seed
        )
    seconds = round(process_time() - start, 1) if device == "cpu" else None
    if history:
        save_table(history, pd.DataFrame(asdict(epoch) for epoch in epochs))
    measures = measure(model.cpu(), variant, files)
    return {**measures, "device": device, "cpu_seconds": seconds}


def measure_split(
    about: Row, split: str, evaluation: Evaluation, model: VAE, variant: Variant, files: DataFolder
) -> Row:
    """The main metrics on one split; of `validation` and `test` the other is not opened."""
    images = load_images(getattr(files, split))
    outcome = observe(model, variant.recipe, evaluation, images[:0], images)
    measures = {metric.__name__: round(metric(outcome), PLACES) for metric in METRICS}
    return {**about, **measures}


def measure_study(
    classifier: Path, evaluation: Evaluation, model: VAE, variant: Variant, files: DataFolder
) -> Row:
    """What the study measures, on the test split."""
    train, test = load_images(files.train), load_images(files.test)
    trained = load_classifier(classifier)
    return dict(measure_run(model, variant.recipe, evaluation, train, test, trained))


def trial_runs(
    trials: Path, params: Params, files: DataFolder, device: str, split: str, histories: Path | None
) -> Runs:
    """The runs of a list of trials."""
    runs = {}
    for name, trial in read_params(trials, Trials).trials.items():
        try:
            variant = params.variant(trial.variant, trial.changes, f"trials.{name}.changes.")
        except ValueError as error:
            raise GrvaeError(f"{trials}: {error}") from error
        measure = partial(measure_split, {"family": trial.family}, split, params.evaluation)
        for seed in sorted(expand(trial.seeds)):
            history = histories / f"{name}-{seed}.csv" if histories else None
            runs[name, seed] = partial(run_variant, variant, seed, files, device, measure, history)
    return runs


def study_runs(
    params: Path, main: Params, files: DataFolder, device: str, classifier: Path
) -> Runs:
    """The runs of the study that take a GPU, but for those that this code does not train."""
    study = read_params(params, Study)
    measure = partial(measure_study, classifier, study.evaluation(main))
    return {
        (name, seed): partial(run_variant, variant, seed, files, device, measure, None)
        for name, variant in study.resolve(main).items()
        for seed in sorted(expand(study.runs[name].gpu))
    }


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "list", "data", "table")
@click.option("--measure", type=click.Choice(["validation", "test", "study"]), required=True)
@click.option("--classifier", type=PATH, help="Of decoded images, for `study`.")
@click.option("--histories", type=PATH, help="Keep the history of each trial's run here.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def sweep(
    params: Path,
    list: Path,
    data: Path,
    table: Path,
    measure: str,
    classifier: Path | None,
    histories: Path | None,
    workers: int,
    device: str,
) -> None:
    """Train the runs of a list."""
    if device == "cuda" and not torch.cuda.is_available():
        raise GrvaeError("--device: got cuda, but PyTorch finds no GPU")
    common, files = load_params(params), DataFolder(data)
    if measure != "study":
        runs = trial_runs(list, common, files, device, measure, histories)
        fill_table(table, "trial", runs, workers)
    elif classifier:
        fill_table(table, "variant", study_runs(list, common, files, device, classifier), workers)
    else:
        raise GrvaeError("--classifier: missing, and --measure study needs it")


if __name__ == "__main__":
    sweep()
