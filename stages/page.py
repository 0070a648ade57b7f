"""Write the data of the page in the repository: two models, of the first seed, and fewer images."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.model.images import load_images
from grvae.params import load_params
from grvae.use.demo_bundle import build_bundle, load_runs, opening_runs, write_data

TEST_IMAGES = 500  # so that the whole page takes at most 1.5 MB


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "variants", "data", "runs", "out")
def page(params: Path, variants: Path, data: Path, runs: Path, out: Path) -> None:
    settings = load_params(params)
    first = load_runs(runs, variants, settings.variants, settings.seeds[:1])
    train, test = load_images(DataFolder(data).train), load_images(DataFolder(data).test)
    percentiles = settings.evaluation.slider_percentiles
    bundle = build_bundle(opening_runs(first), train, test, percentiles, test_images=TEST_IMAGES)
    size = write_data(out, bundle)
    click.echo(f"{out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    page()
