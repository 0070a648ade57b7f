"""Fetch one of the study's datasets and cut its validation split."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.data.sets import load_dataset, write_splits
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("main-params", "data")
@click.option("--dataset", required=True)
@click.option("--folder", type=PATH, envvar="DATASET_FOLDER")
def main(main_params: Path, data: Path, dataset: str, folder: Path | None) -> None:
    fraction = load_params(main_params).recipe.validation_fraction
    loaded = load_dataset(dataset, folder, say=click.echo)
    write_splits(DataFolder(data), loaded.train, loaded.test, fraction)


if __name__ == "__main__":
    main()
