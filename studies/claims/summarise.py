"""Put the runs of all variants into one table, and those of the halves into another."""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_table, save_table
from studies.claims.study import load_study


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "measures", "table", "halves-table")
def main(params: Path, measures: Path, table: Path, halves_table: Path) -> None:
    study = load_study(params)
    for file, names in ((table, study.variants), (halves_table, study.halves.variants)):
        save_table(file, pd.concat([load_table(measures / f"{name}.csv") for name in names]))


if __name__ == "__main__":
    main()
