"""Put the runs of all variants into one table."""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_table, save_table
from studies.claims.study import load_study


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "measures", "table")
def main(params: Path, measures: Path, table: Path) -> None:
    variants = load_study(params).variants
    save_table(table, pd.concat([load_table(measures / f"{name}.csv") for name in variants]))


if __name__ == "__main__":
    main()
