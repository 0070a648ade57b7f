"""Write the report, and the README's results, from the metrics, the tables and the parameters."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import load_json, load_table, write_atomically
from grvae.params import load_params
from grvae.show.report import load_template, render_report


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--metrics", "metrics_file", type=PATH, required=True)
@click.option("--table", "table_file", type=PATH, required=True)
@click.option("--published", "published_file", type=PATH, required=True)
@click.option("--render", "pages", type=(PATH, PATH), multiple=True, help="Template and output.")
def report(
    params_file: Path,
    metrics_file: Path,
    table_file: Path,
    published_file: Path,
    pages: tuple[tuple[Path, Path], ...],
) -> None:
    """Write the report, and the README's results, from metrics, tables and parameters."""
    params, metrics = load_params(params_file), load_json(metrics_file)
    runs, published = load_table(table_file), load_json(published_file)
    for template_file, out in pages:
        text = render_report(load_template(template_file), metrics, runs, params, published)
        write_atomically(out, text.encode())


if __name__ == "__main__":
    report()
