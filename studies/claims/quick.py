"""The whole study in minutes: every variant, two short runs each, on the embedded digits.

It shows that everything works together, and nothing else: its numbers mean nothing.
"""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_table
from grvae.datasets import load_digits, write_splits
from grvae.model.images import load_images
from grvae.params import load_params
from studies.claims.measure import measure_run
from studies.claims.reader import save_reader, train_reader
from studies.claims.runs import run_file
from studies.claims.study import load_study
from studies.claims.train import train_run
from studies.claims.train_halves import halves_run

SEEDS, READER_STEPS = 2, 20
RECIPE = {"epochs": 1, "decoder_epochs": 1, "hidden_sizes": [32, 16]}
CONV_HIDDEN_SIZES = [2, 4, 16]
HALVES_RECIPE = {"epochs": 1, "certificate_epochs": 1, "hidden_sizes": [32, 16]}


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "folder", "table", "halves-table")
def main(params: Path, main_params: Path, folder: Path, table: Path, halves_table: Path) -> None:
    study, common = load_study(params), load_params(main_params)
    data, readers = DataFolder(folder / "digits"), folder / "readers"
    write_splits(data, *load_digits(), common.recipe.validation_fraction)
    reader_recipe = study.reader.model_copy(update={"steps": READER_STEPS})
    reader = train_reader(load_images(data.train), reader_recipe, seed=0)
    save_reader(readers / "digits.safetensors", reader)

    rows, evaluation = [], study.evaluation_of(common)
    for name, variant in study.resolve(common).items():
        sizes = {"hidden_sizes": CONV_HIDDEN_SIZES} if variant.recipe.network == "conv" else {}
        recipe = variant.recipe.model_copy(update=RECIPE | sizes)
        short = variant.model_copy(update={"recipe": recipe, "dataset": "digits"})
        for seed in study.seeds_from(SEEDS):
            weights = run_file(folder / name, seed)
            train_run(short, folder, seed, weights)
            rows.append(measure_run(name, short, evaluation, seed, weights, folder, readers))
    save_table(table, pd.DataFrame(rows))
    halves_rows = [
        halves_run(name, study.halves.recipe_of(name).model_copy(update=HALVES_RECIPE), seed, data)
        for name in study.halves.variants
        for seed in study.seeds_from(SEEDS)
    ]
    save_table(halves_table, pd.DataFrame(halves_rows))


if __name__ == "__main__":
    main()
