"""Write the longer study's report: a verdict on every part of every claim."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand, paths
from grvae.base.storage import load_table, save_table, write_atomically
from grvae.show.markdown import load_template, render_template
from studies.claims.plan import load_plan
from studies.claims.report import FILTERS, context, findings_table
from studies.longer.recipes import load_longer


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "plan", "runs", "findings")
@click.option("--render", "page", type=(PATH, PATH), required=True, help="Template and output.")
def main(params: Path, plan: Path, runs: Path, findings: Path, page: tuple[Path, Path]) -> None:
    template, out = page
    rows = load_table(runs)
    planned = load_plan(plan, rows["variant"].unique())
    placeholders = context(plan.parent, planned, rows) | {
        "study": load_longer(params),
        "on_gpu": (rows["device"] == "cuda").sum(),
    }
    save_table(findings, findings_table(planned, placeholders["findings"]))
    text = render_template(load_template(template), placeholders, FILTERS)
    write_atomically(out, text.encode())


if __name__ == "__main__":
    main()
