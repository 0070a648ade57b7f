"""Train all runs of one setting."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.model.images import load_images, split_validation
from grvae.model.training import train_vae
from grvae.model.vae import LatentAct, save_vae
from grvae.params import Recipe
from studies.claims.runs import one_by_core, run_file
from studies.claims.study import load_study


def train_run(
    recipe: Recipe, latent_act: LatentAct, images_file: Path, seed: int, weights_file: Path
) -> None:
    """Train one run and write its weights."""
    train, validation = split_validation(load_images(images_file), recipe.validation_fraction)
    model, _ = train_vae(train, validation[:0], recipe, latent_act, seed)
    save_vae(weights_file, model)


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--setting", required=True)
@click.option("--images", "images_file", type=PATH, required=True)
@click.option("--runs", type=PATH, required=True, help="Folder for the weights of all runs.")
def main(params_file: Path, setting: str, images_file: Path, runs: Path) -> None:
    """Train all runs of one setting."""
    study = load_study(params_file)
    recipe, latent_act = study.recipe_of(setting), study.setting(setting).latent_act
    one_by_core(
        train_run,
        [
            (recipe, latent_act, images_file, seed, run_file(runs, seed))
            for seed in study.seeds_of(setting)
        ],
    )


if __name__ == "__main__":
    main()
