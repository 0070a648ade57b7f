"""Fetch the images that a variant learns from, verify them, and cut a validation split."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.datasets import load_dataset, write_splits
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data")
@click.option("--variant", required=True)
@click.option(
    "--folder",
    type=PATH,
    envvar="DATASET_FOLDER",
    help="Take the dataset's four files from here, not from the network.",
)
def download(params: Path, data: Path, variant: str, folder: Path | None) -> None:
    chosen = load_params(params).variant(variant)
    train, test = load_dataset(chosen.dataset, folder)
    write_splits(DataFolder(data), train, test, chosen.recipe.validation_fraction)


if __name__ == "__main__":
    download()
