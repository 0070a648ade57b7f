"""Train and measure all autoencoders of two halves of one variant: one row a run."""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_table
from grvae.model.images import load_images, load_in_published_order
from studies.claims.halves import HalvesResult, train_halves
from studies.claims.halves_params import HalvesRecipe
from studies.claims.runs import one_by_core
from studies.claims.study import load_study


def measures(result: HalvesResult) -> dict[str, object]:
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


def halves_run(name: str, recipe: HalvesRecipe, seed: int, data: DataFolder) -> dict[str, object]:
    """One run's row; the autoencoder learns from the whole published train split."""
    train = load_in_published_order(data.train, data.validation)
    result = train_halves(train, load_images(data.test), recipe, seed)
    return {"setting": name, "seed": seed, **measures(result)}


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data", "out")
@click.option("--variant", required=True)
def main(params: Path, data: Path, out: Path, variant: str) -> None:
    study = load_study(params)
    recipe, count = study.halves.recipe_of(variant), study.halves.variants[variant].seeds
    cases = [(variant, recipe, seed, DataFolder(data)) for seed in study.seeds_from(count)]
    save_table(out, pd.DataFrame(one_by_core(halves_run, cases)))


if __name__ == "__main__":
    main()
