"""Build the browser demo from the runs of every variant, the first seed of each first."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.model.images import load_images
from grvae.params import load_params
from grvae.use.demo_bundle import build_bundle, load_runs, said, write_page


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "variants", "data", "runs", "sources", "page")
def demo(params: Path, variants: Path, data: Path, runs: Path, sources: Path, page: Path) -> None:
    settings = load_params(params)
    shown = load_runs(runs, variants, settings.variants, settings.seeds)
    train, test = load_images(DataFolder(data).train), load_images(DataFolder(data).test)
    bundle = build_bundle(shown, train, test, settings.evaluation.slider_percentiles)
    for each in bundle["index"]["left_out"]:
        click.echo(f"left out of the page: {said(each)}")
    size = write_page(page, sources, bundle)
    click.echo(f"{page}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    demo()
