"""Fit the linear probe on raw pixels: what a linear classifier reads with no encoder at all."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_json
from grvae.measure.probe import probe_accuracy
from grvae.model.images import load_images, split_validation
from grvae.params import load_params


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def probe_pixels(params_file: Path, train_file: Path, test_file: Path, out: Path) -> None:
    """Fit the linear probe on raw pixels."""
    fraction = load_params(params_file).recipe.validation_fraction
    train, _ = split_validation(load_images(train_file), fraction)
    test = load_images(test_file)
    accuracy = probe_accuracy(
        train.pixels.numpy(), train.labels.numpy(), test.pixels.numpy(), test.labels.numpy()
    )
    save_json(out, {"probe_accuracy": accuracy})


if __name__ == "__main__":
    probe_pixels()
