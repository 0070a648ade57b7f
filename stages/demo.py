"""Build the browser demo from the first seed of the first two variants."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import load_json
from grvae.model.images import load_images, split_validation
from grvae.model.vae import load_vae
from grvae.params import Params, load_params
from grvae.use.demo_bundle import Run, build_bundle, file_sha256, write_page

SIDE_BY_SIDE = 2


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--runs", "runs_folder", type=PATH, required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--sources", "sources_folder", type=PATH, required=True)
@click.option("--page", "page_folder", type=PATH, required=True)
def demo(
    params_file: Path,
    runs_folder: Path,
    train_file: Path,
    test_file: Path,
    sources_folder: Path,
    page_folder: Path,
) -> None:
    """Build the browser demo from the first seed of the first two variants."""
    params = load_params(params_file)
    variants, seed = params.variants[:SIDE_BY_SIDE], params.seeds[0]
    runs = [
        load_run(runs_folder / variant / str(seed), params, variant, seed) for variant in variants
    ]
    fraction = params.recipe_of(variants[0]).validation_fraction
    train, _ = split_validation(load_images(train_file), fraction)
    bundle = build_bundle(runs, train, load_images(test_file))
    size = write_page(page_folder, sources_folder, bundle)
    click.echo(f"{page_folder}: {size / 1e6:.1f} MB")


def load_run(folder: Path, params: Params, variant: str, seed: int) -> Run:
    """Read one run's files."""
    weights_file = folder / "weights.safetensors"
    return Run(
        variant=variant,
        seed=seed,
        recipe=params.recipe_of(variant).model_dump(),
        model=load_vae(weights_file),
        weights_sha256=file_sha256(weights_file),
        measures=load_json(folder / "measures.json"),
    )


if __name__ == "__main__":
    demo()
