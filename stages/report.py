"""Write the report, and the README's results, from the summary, the tables and the parameters."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.storage import load_json, load_table, write_atomically
from grvae.params import load_params, load_variant
from grvae.show.markdown import load_template
from grvae.show.report import render_report


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "variants", "summary", "table", "published", "many-seeds")
@click.option("--render", "pages", type=(PATH, PATH), multiple=True, help="Template and output.")
def report(
    params: Path,
    variants: Path,
    summary: Path,
    table: Path,
    published: Path,
    many_seeds: Path,
    pages: tuple[tuple[Path, Path], ...],
) -> None:
    settings = load_params(params)
    recipes = {name: load_variant(variants / f"{name}.json") for name in settings.variants}
    tables = load_json(published), load_table(many_seeds)
    material = load_json(summary), load_table(table), settings, recipes, *tables
    for template, out in pages:
        write_atomically(out, render_report(load_template(template), *material).encode())


if __name__ == "__main__":
    report()
