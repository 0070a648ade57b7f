"""Fetch the images that a variant learns from, verify them, and cut a validation split."""

from pathlib import Path

import click
import torch

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_arrays
from grvae.datasets import Dataset, load_dataset
from grvae.model.images import draw_validation
from grvae.params import load_params

DOWNLOADS = Path("downloads")


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
    train, test = load_dataset(chosen.dataset, folder, DOWNLOADS)
    write_splits(DataFolder(data), train, test, chosen.recipe.validation_fraction)


def write_splits(data: DataFolder, train: Dataset, test: Dataset, fraction: float) -> None:
    """Write the three splits; each image notes its position in the published one."""
    for_training, for_validation = draw_validation(len(train.labels), fraction)
    for path, dataset, positions in (
        (data.train, train, for_training),
        (data.validation, train, for_validation),
        (data.test, test, torch.arange(len(test.labels))),
    ):
        chosen = positions.numpy()
        arrays = {"images": dataset.images[chosen], "labels": dataset.labels[chosen]}
        save_arrays(path, arrays | {"positions": chosen})


if __name__ == "__main__":
    download()
