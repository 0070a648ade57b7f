"""Draw all figures from the tables and from the samples of single runs."""

from itertools import product
from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import run_folder
from grvae.base.storage import load_arrays, load_json, load_table, write_atomically
from grvae.params import load_params
from grvae.show.figures import draw_all


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "table", "curves", "published", "out")
def figures(
    params: Path, runs: Path, table: Path, curves: Path, published: Path, out: Path
) -> None:
    settings = load_params(params)
    variants, seeds = settings.variants, settings.seeds
    measures = {key: load_json(run_folder(runs, *key).measures) for key in product(variants, seeds)}
    samples = {name: load_arrays(run_folder(runs, name, seeds[0]).samples)[0] for name in variants}
    tables = load_table(table), load_table(curves)
    drawn = draw_all(settings.dataset, *tables, measures, samples, load_json(published))
    for name, content in drawn.items():
        write_atomically(out / name, content)


if __name__ == "__main__":
    figures()
