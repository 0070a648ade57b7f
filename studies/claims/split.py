"""Train and measure all split autoencoders of one setting: one row a run."""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_table
from grvae.model.images import load_images
from studies.claims.halves import SplitResult, train_split
from studies.claims.halves_params import SplitRecipe
from studies.claims.runs import one_by_core
from studies.claims.study import load_study


def measures(result: SplitResult) -> dict[str, object]:
    """What claim 6 asks of one run.

    Shares of the absolute error of an image drawn blind, the median image of the half's digits,
    that a certificate does away with, and of the squared error of the mean image; absolute errors
    are per image, summed over pixels.
    """
    top, bottom = result.top_digits, result.bottom_digits
    shares = {
        "top_own": top["top"].absolute_error_explained,
        "bottom_own": bottom["bottom"].absolute_error_explained,
        "top_foreign": bottom["top"].absolute_error_explained,
        "bottom_foreign": top["bottom"].absolute_error_explained,
    }
    return {
        **shares,
        "own_explained": (shares["top_own"] + shares["bottom_own"]) / 2,
        "foreign_explained": (shares["top_foreign"] + shares["bottom_foreign"]) / 2,
        "absolute_error": (top["decoder"].absolute_error + bottom["decoder"].absolute_error) / 2,
        "blind_error": (top["median_image"].absolute_error + bottom["median_image"].absolute_error)
        / 2,
        "own_squared_explained": (
            top["top"].squared_error_explained + bottom["bottom"].squared_error_explained
        )
        / 2,
        "foreign_squared_explained": (
            top["bottom"].squared_error_explained + bottom["top"].squared_error_explained
        )
        / 2,
        "weights_sha256": result.weights_sha256,
    }


def split_run(
    setting: str, recipe: SplitRecipe, seed: int, train_file: Path, test_file: Path
) -> dict[str, object]:
    """One run's row."""
    result = train_split(load_images(train_file), load_images(test_file), recipe, seed)
    return {"setting": setting, "seed": seed, **measures(result)}


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--setting", required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def main(params_file: Path, setting: str, train_file: Path, test_file: Path, out: Path) -> None:
    """Train and measure all split autoencoders of one setting."""
    study = load_study(params_file)
    recipe = study.split.recipe_of(setting)
    cases = [(setting, recipe, seed, train_file, test_file) for seed in study.seeds_of(setting)]
    save_table(out, pd.DataFrame(one_by_core(split_run, cases)))


if __name__ == "__main__":
    main()
