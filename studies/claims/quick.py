"""The whole study in minutes: every setting, two short runs each, on the embedded digits.

It shows that everything works together, and nothing else: its numbers mean nothing.
"""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_table
from grvae.datasets import load_digits
from grvae.model.images import load_images, split_validation
from grvae.model.training import train_vae
from grvae.model.vae import save_vae
from stages.download import save_dataset
from studies.claims.measure import measure_run
from studies.claims.reader import save_judge, train_judge
from studies.claims.runs import run_file
from studies.claims.split import split_run
from studies.claims.study import load_study

SEEDS, JUDGE_STEPS = 2, 20
RECIPE = {"epochs": 1, "decoder_epochs": 1, "hidden_sizes": [32, 16]}
CONV_HIDDEN_SIZES = [2, 4, 16]
SPLIT_RECIPE = {"epochs": 1, "certificate_epochs": 1, "hidden_sizes": [32, 16]}


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--folder", type=PATH, required=True, help="Where to put everything.")
@click.option("--table", "table_file", type=PATH, required=True)
@click.option("--split-table", "split_file", type=PATH, required=True)
def main(params_file: Path, folder: Path, table_file: Path, split_file: Path) -> None:
    """Run every setting of the study, shortly."""
    study = load_study(params_file)
    images = folder / "train.safetensors", folder / "test.safetensors"
    for file, dataset in zip(images, load_digits(), strict=True):
        save_dataset(file, dataset)
    judge = folder / "judge.safetensors"
    save_judge(judge, train_judge(load_images(images[0]), seed=0, steps=JUDGE_STEPS))

    rows = []
    for name in study.names:
        recipe = study.recipe_of(name)
        sizes = {"hidden_sizes": CONV_HIDDEN_SIZES} if recipe.network == "conv" else {}
        recipe = recipe.model_copy(update=RECIPE | sizes)
        train, validation = split_validation(load_images(images[0]), recipe.validation_fraction)
        for seed in list(study.seeds_of(name))[:SEEDS]:
            model, _ = train_vae(train, validation, recipe, study.setting(name).latent_act, seed)
            save_vae(run_file(folder / name, seed), model)
            rows.append(measure_run(study, name, seed, folder / name, images, judge))
    save_table(table_file, pd.DataFrame(rows))
    split_rows = [
        split_run(name, study.split.recipe_of(name).model_copy(update=SPLIT_RECIPE), seed, *images)
        for name in study.split.settings
        for seed in list(study.seeds_of(name))[:SEEDS]
    ]
    save_table(split_file, pd.DataFrame(split_rows))


if __name__ == "__main__":
    main()
