"""Train one run of one variant."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.model.images import load_images
from grvae.model.training import train_vae
from grvae.model.vae import save_vae
from studies.claims.study import load_variant


@click.command(cls=StageCommand, help=__doc__)
@paths("variant", "data", "weights")
@click.option("--seed", type=int, required=True)
def main(variant: Path, data: Path, weights: Path, seed: int) -> None:
    chosen = load_variant(variant)
    train = load_images(DataFolder(data / chosen.dataset).train)
    model, _ = train_vae(train, train[:0], chosen.recipe, chosen.latent_act, seed)
    save_vae(weights, model)


if __name__ == "__main__":
    main()
