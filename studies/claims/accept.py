"""Accept the study's results after a change of the code that must not change them.

Runs are reproducible to the bit. So a refactoring need not cost the whole study again: a random
sample of its runs is trained anew, and where every one has the bits of before, DVC takes the
results of the rest as those of the new code. A sample cannot show that no run has changed: of
changes that touch a share s of the runs, n runs miss all with probability (1 - s)^n.
"""

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pandas as pd

from grvae.errors import GrvaeError
from grvae.storage import load_table
from stages.command import PATH, StageCommand
from studies.claims.runs import file_sha256, one_by_core
from studies.claims.study import Study, load_study
from studies.claims.train import train_run

GRAPH = "studies/claims/dvc.yaml"


def retrain(study: Study, setting: str, seed: int, images_file: Path) -> str:
    """Train one run once more; returns the SHA-256 of its weights' file."""
    with tempfile.TemporaryDirectory() as scratch:
        weights = Path(scratch) / "weights.safetensors"
        latent_act = study.setting(setting).latent_act
        train_run(study.recipe_of(setting), latent_act, images_file, seed, weights)
        return file_sha256(weights)


def images_of(study: Study, setting: str) -> Path:
    """The train split that a setting learns from."""
    if setting in study.settings:
        return Path("data/train.safetensors")
    return Path(f"studies/claims/data/{study.setting(setting).dataset}/train.safetensors")


def check(study: Study, runs: pd.DataFrame, count: int, choice: random.Random) -> list[str]:
    """Retrain a random sample of runs.

    Returns:
        The runs that came out otherwise than before, by setting and seed.
    """
    sample = choice.sample(runs[["setting", "seed", "weights_sha256"]].to_numpy().tolist(), count)
    cases = [(study, setting, seed, images_of(study, setting)) for setting, seed, _ in sample]
    found = one_by_core(retrain, cases)
    return [
        f"{setting} {seed}"
        for (setting, seed, expected), sha256 in zip(sample, found, strict=True)
        if sha256 != expected
    ]


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, default="studies/claims/params.yaml")
@click.option("--runs", "runs_file", type=PATH, default="reports/claims/runs.csv")
@click.option("--sample", "count", type=click.IntRange(min=1), default=6, show_default=True)
def main(params_file: Path, runs_file: Path, count: int) -> None:
    """Retrain some runs and, if all agree, let DVC take the results of all as the code's own."""
    study, runs = load_study(params_file), load_table(runs_file)
    count = min(count, len(runs))
    changed = check(study, runs, count, random.SystemRandom())
    if changed:
        raise GrvaeError(
            f"{len(changed)} of {count} retrained runs have other bits than before "
            f"({', '.join(changed)}): run `dvc repro {GRAPH}`"
        )
    click.echo(f"{count} of {len(runs)} runs were retrained; all have the same bits as before.")
    stages = [
        f"{GRAPH}:{'train' if name in study.settings else 'train_other_data'}@{name}"
        for name in study.names
    ]
    subprocess.run([sys.executable, "-m", "dvc", "commit", "--force", *stages], check=True)


if __name__ == "__main__":
    main()
