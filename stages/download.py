"""Fetch a dataset's images, verify them, and cut a validation split."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.datasets import load_dataset, write_splits
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data")
@click.option("--dataset", help="Another one than the parameters name.")
@click.option(
    "--folder",
    type=PATH,
    envvar="DATASET_FOLDER",
    help="Take the dataset's four files from here, not from the network.",
)
def download(params: Path, data: Path, dataset: str | None, folder: Path | None) -> None:
    settings = load_params(params)
    name = dataset or settings.dataset
    train, test = load_dataset(name, folder)
    write_splits(DataFolder(data / name), train, test, settings.recipe.validation_fraction)


if __name__ == "__main__":
    download()
