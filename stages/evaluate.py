"""Measure one trained model on the test split."""

from dataclasses import asdict
from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_arrays, save_json
from grvae.measure.evaluation import draw_samples, measure
from grvae.model.images import load_images, split_validation
from grvae.model.vae import load_vae
from grvae.params import load_params


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--variant", required=True)
@click.option("--weights", "weights_file", type=PATH, required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--measures", "measures_file", type=PATH, required=True)
@click.option("--samples", "samples_file", type=PATH, required=True)
def evaluate(
    params_file: Path,
    variant: str,
    weights_file: Path,
    train_file: Path,
    test_file: Path,
    measures_file: Path,
    samples_file: Path,
) -> None:
    """Measure one trained model on the test split."""
    fraction = load_params(params_file).recipe_of(variant).validation_fraction
    model = load_vae(weights_file)
    train_images, _ = split_validation(load_images(train_file), fraction)
    test_images = load_images(test_file)
    measures = measure(model, train_images, test_images)
    save_json(measures_file, asdict(measures))
    save_arrays(samples_file, draw_samples(model, measures.assignment, train_images, test_images))


if __name__ == "__main__":
    evaluate()
