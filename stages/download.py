"""Fetch a dataset's images, verify them, and cut a validation split."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.data.receipt import in_words
from grvae.data.sets import load_dataset, write_splits
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data")
@click.option("--dataset", help="Another one than the parameters name.")
@click.option("--receipt", type=PATH, help="Write here what was found and what became of it.")
@click.option(
    "--folder",
    type=PATH,
    envvar="DATASET_FOLDER",
    help="Take the dataset's files from here, not from the network or from images/.",
)
def download(
    params: Path, data: Path, dataset: str | None, receipt: Path | None, folder: Path | None
) -> None:
    settings = load_params(params)
    name = dataset or settings.dataset
    loaded = load_dataset(
        name,
        folder,
        side=settings.image_side,
        colours=settings.image_colours,
        transposed=settings.image_transposed,
        say=click.echo,
    )
    fraction = settings.recipe.validation_fraction
    write_splits(DataFolder(data / name), loaded.train, loaded.test, fraction)
    click.echo("\n".join(in_words(loaded.receipt)))
    if receipt:
        save_json(receipt, loaded.receipt)


if __name__ == "__main__":
    download()
