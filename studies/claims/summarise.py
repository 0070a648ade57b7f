"""Put the runs of all settings into tables."""

from pathlib import Path

import click
import pandas as pd

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import load_table, save_table
from studies.claims.study import load_study


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--measures", type=PATH, required=True, help="Folder with a table for each setting.")
@click.option("--table", "table_file", type=PATH, required=True)
@click.option("--split-table", "split_file", type=PATH, required=True)
def main(params_file: Path, measures: Path, table_file: Path, split_file: Path) -> None:
    """Put the runs of all settings into one table, and those of the split into another."""
    study = load_study(params_file)
    for names, file in ((study.names, table_file), (study.split.settings, split_file)):
        save_table(file, pd.concat([load_table(measures / f"{name}.csv") for name in names]))


if __name__ == "__main__":
    main()
