"""Train the reader of one dataset, and check it on images that it has not seen."""

from dataclasses import replace
from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.model.images import load_images
from studies.claims.reader import reader_accuracy, save_reader, train_reader
from studies.claims.study import load_study


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data", "reader", "measures")
def main(params: Path, data: Path, reader: Path, measures: Path) -> None:
    train = load_images(DataFolder(data).train)
    train = replace(train, stored=train.pixels)  # once: the registered loop asks at every step
    trained = train_reader(train, load_study(params).reader, seed=0)
    save_reader(reader, trained)
    accuracy = reader_accuracy(trained, load_images(DataFolder(data).test))
    save_json(measures, {"test_accuracy": accuracy})


if __name__ == "__main__":
    main()
