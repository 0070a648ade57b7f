"""Train all runs of one variant."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.model.images import load_images
from grvae.model.training import train_vae
from grvae.model.vae import save_vae
from grvae.params import Variant
from studies.claims.runs import one_by_core, run_file
from studies.claims.study import load_to_train


def train_run(variant: Variant, data: Path, seed: int, weights: Path) -> None:
    """Train one run and write its weights."""
    train = load_images(DataFolder(data / variant.dataset).train)
    model, _ = train_vae(train, train[:0], variant.recipe, variant.latent_act, seed)
    save_vae(weights, model)


@click.command(cls=StageCommand, help=__doc__)
@paths("variants", "data", "runs")
@click.option("--variant", required=True)
def main(variants: Path, data: Path, runs: Path, variant: str) -> None:
    study = load_to_train(variants)
    chosen = study.variant(variant)
    one_by_core(
        train_run,
        [(chosen, data, seed, run_file(runs, seed)) for seed in study.seeds_of(variant)],
    )


if __name__ == "__main__":
    main()
