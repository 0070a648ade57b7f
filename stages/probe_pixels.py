"""Fit the linear probe on raw pixels: what a linear classifier reads with no encoder at all."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.measure.probe import linear_probe_accuracy
from grvae.model.images import load_images
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "data", "out")
def probe_pixels(params: Path, data: Path, out: Path) -> None:
    train, test = load_images(DataFolder(data).train), load_images(DataFolder(data).test)
    accuracy = linear_probe_accuracy(
        train.pixels.numpy(),
        train.labels.numpy(),
        test.pixels.numpy(),
        test.labels.numpy(),
        load_params(params).evaluation,
    )
    save_json(out, {"probe_accuracy": accuracy})


if __name__ == "__main__":
    probe_pixels()
