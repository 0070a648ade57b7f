"""Accept the study's results after a change of the code that must not change them.

Runs are reproducible to the bit. So a refactoring need not cost the whole study again: one run of
each of some settings, both drawn at random, is made and measured anew, and where every number and
the weights' hash are those of before, DVC's lock takes the results of all as those of the new code.
That works in a fresh clone, too, since nothing but the committed tables is compared.

A sample cannot show that no run has changed: a change that touches k of m settings escapes n of
them with a probability of about (1 - k/m)^n.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import pandas as pd
from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage

from grvae.base.command import PATH, StageCommand
from grvae.base.errors import GrvaeError
from grvae.base.storage import load_table, save_table
from studies.claims.measure import measure_run
from studies.claims.runs import one_by_core, run_file
from studies.claims.split import split_run
from studies.claims.study import Study, load_study
from studies.claims.train import train_run

GRAPH = "studies/claims/dvc.yaml"
DATA, STUDY_DATA = Path("data"), Path("studies/claims/data")

# Made anew before the sample, since they cost little.
INPUTS = ("download", *(f"{GRAPH}:{name}" for name in ("download", "judge", "judge_other_data")))
# What the sample speaks for.
ACCEPTED = ("train", "train_other_data", "measure", "measure_other_data", "split", "summarise")


def remake(study: Study, setting: str, seed: int) -> dict[str, object]:
    """Train one run anew and measure it; returns its row of the results."""
    if setting in study.split.settings:
        recipe = study.split.recipe_of(setting)
        return split_run(setting, recipe, seed, *splits_of(DATA))
    folder = DATA if setting in study.settings else STUDY_DATA / study.setting(setting).dataset
    judge = (STUDY_DATA if folder == DATA else folder) / "judge.safetensors"
    train, test = splits_of(folder)
    with tempfile.TemporaryDirectory() as scratch:
        runs, latent_act = Path(scratch), study.setting(setting).latent_act
        train_run(study.recipe_of(setting), latent_act, train, seed, run_file(runs, seed))
        return measure_run(study, setting, seed, runs, (train, test), judge)


def splits_of(folder: Path) -> tuple[Path, Path]:
    """The files of train and test split."""
    return folder / "train.safetensors", folder / "test.safetensors"


def draw_sample(rows: pd.DataFrame, count: int, choice: random.Random) -> list[tuple[str, int]]:
    """One run, by setting and seed, of each of some settings.

    Settings count alike, since what a change touches depends on the setting, not on the seed.
    """
    settings = sorted(rows["setting"].unique())
    chosen = choice.sample(settings, min(count, len(settings)))
    return [(name, choice.choice(seeds_in(rows, name))) for name in chosen]


def seeds_in(rows: pd.DataFrame, setting: str) -> list[int]:
    """The seeds of a setting's rows."""
    return [int(seed) for seed in rows.loc[rows["setting"] == setting, "seed"]]


def find_changed(expected: pd.DataFrame, found: Sequence[dict[str, object]]) -> list[str]:
    """Which runs came out otherwise than before, by setting and seed.

    Args:
        expected: rows of all runs, as read from a file.
        found: rows of some of them, made anew.
    """
    keys = ["setting", "seed"]
    with tempfile.TemporaryDirectory() as scratch:  # as what it is compared with, from a file
        save_table(Path(scratch) / "found.csv", pd.DataFrame(found))
        now = load_table(Path(scratch) / "found.csv").set_index(keys)
    before = expected.set_index(keys).reindex(index=now.index, columns=now.columns)
    is_same = ((now == before) | (now.isna() & before.isna())).all(axis="columns")
    return [f"{setting} {seed}" for setting, seed in now.index[~is_same]]


def accept(stages: Sequence[PipelineStage]) -> None:
    """Write the stages' code as it is now, and their results as they were, to dvc.lock.

    Raises:
        GrvaeError: parameters are not those that the results were made with.
    """
    changed = [stage.addressing for stage in stages if has_other_params(stage)]
    if changed:
        raise GrvaeError(f"other parameters than before, `dvc repro {GRAPH}`: {', '.join(changed)}")
    for stage in stages:
        stage.save(allow_missing=True, run_cache=False)
    stages[0].dvcfile.dump_stages(stages, update_pipeline=False)


def has_other_params(stage: PipelineStage) -> bool:
    """Whether the parameters have changed since a stage ran."""
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return any(dep.status() for dep in params)


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, default="studies/claims/params.yaml")
@click.option("--runs", "runs_file", type=PATH, default="reports/claims/runs.csv")
@click.option("--split-runs", "split_file", type=PATH, default="reports/claims/split_runs.csv")
@click.option(
    "--sample",
    "count",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Number of settings of which a run is made anew.",
)
def main(params_file: Path, runs_file: Path, split_file: Path, count: int) -> None:
    """Make some runs anew and, if all agree, take the results of all as the code's own."""
    study = load_study(params_file)
    rows = pd.concat([load_table(runs_file), load_table(split_file)], ignore_index=True)
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet", *INPUTS], check=True)

    sample = draw_sample(rows, count, random.SystemRandom())
    found = one_by_core(remake, [(study, *run) for run in sample])
    names = ", ".join(f"{setting} {seed}" for setting, seed in sample)
    if changed := find_changed(rows, found):
        raise GrvaeError(
            f"{len(changed)} of {len(sample)} runs came out otherwise than before "
            f"({', '.join(changed)}): run `dvc repro {GRAPH}`"
        )
    click.echo(f"{len(sample)} of {len(rows)} runs were made anew, all the same: {names}.")

    with Repo() as repo, repo.lock:
        stages = [stage for name in ACCEPTED for stage in repo.stage.collect(f"{GRAPH}:{name}")]
        accept(stages)
    click.echo(f"Accepted {len(stages)} stages. Next: dvc repro --allow-missing {GRAPH}")


if __name__ == "__main__":
    main()
