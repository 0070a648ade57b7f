"""Fetch a dataset, verify it, and write its two splits."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_arrays
from grvae.datasets import PUBLISHED, Dataset, load_dataset


@click.command(cls=StageCommand)
@click.option("--dataset", type=click.Choice([*PUBLISHED, "digits"]), required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option(
    "--folder",
    type=PATH,
    envvar="DATASET_FOLDER",
    help="Take the dataset's four files from here, not from the network.",
)
def download(dataset: str, train_file: Path, test_file: Path, folder: Path | None) -> None:
    """Fetch a dataset, verify it, and write its two splits."""
    train, test = load_dataset(dataset, folder)
    save_dataset(train_file, train)
    save_dataset(test_file, test)


def save_dataset(path: Path, dataset: Dataset) -> None:
    """Write one split."""
    save_arrays(path, {"images": dataset.images, "labels": dataset.labels})


if __name__ == "__main__":
    download()
