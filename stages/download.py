"""Fetch the images that a variant learns from, verify them, and cut a validation split."""

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
@click.option("--variant", required=True)
@click.option("--receipt", type=PATH, help="Write here what was found and what became of it.")
@click.option(
    "--folder",
    type=PATH,
    envvar="DATASET_FOLDER",
    help="Take the dataset's files from here, not from the network or from images/.",
)
def download(
    params: Path, data: Path, variant: str, receipt: Path | None, folder: Path | None
) -> None:
    values = load_params(params)
    chosen = values.variant(variant)
    loaded = load_dataset(
        chosen.dataset,
        folder,
        side=values.image_side,
        colours=values.image_colours,
        transposed=values.image_transposed,
        say=click.echo,
    )
    write_splits(DataFolder(data), loaded.train, loaded.test, chosen.recipe.validation_fraction)
    click.echo("\n".join(in_words(loaded.receipt)))
    if receipt:
        save_json(receipt, loaded.receipt)


if __name__ == "__main__":
    download()
