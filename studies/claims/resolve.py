"""Write every variant of the study in full, each into a file of its own."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.storage import save_json
from grvae.params import load_params
from studies.claims.study import load_study


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "out")
def main(params: Path, main_params: Path, out: Path) -> None:
    try:
        variants = load_study(params).resolve(load_params(main_params))
    except ValueError as error:
        raise GrvaeError(f"{params}: {error}") from error
    for name, variant in variants.items():
        save_json(out / f"{name}.json", variant.written())


if __name__ == "__main__":
    main()
