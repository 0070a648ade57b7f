"""Measure one trained model on the test split."""

from dataclasses import asdict
from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder, RunFolder
from grvae.base.storage import save_arrays, save_json
from grvae.measure.evaluation import class_sliders, draw_samples, measure, observe
from grvae.measure.out_of_distribution import limits_of
from grvae.model.images import load_images
from grvae.model.vae import load_vae
from grvae.params import load_params, load_variant


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "variant", "data", "run")
def evaluate(params: Path, variant: Path, data: Path, run: Path) -> None:
    chosen, files = load_variant(variant), RunFolder(run)
    recipe, folder = chosen.recipe, DataFolder(data / chosen.dataset)
    train, test = load_images(folder.train), load_images(folder.test)
    model = load_vae(files.weights)
    outcome = observe(model, recipe, load_params(params).evaluation, train, test)
    limits = asdict(limits_of(model, train))
    save_json(files.measures, measure(outcome) | {"limits": limits})
    save_arrays(files.samples, draw_samples(model, class_sliders(model, recipe, outcome), test))


if __name__ == "__main__":
    evaluate()
