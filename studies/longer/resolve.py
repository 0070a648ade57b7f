"""Write every recipe of the longer study in full, into one file."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.storage import save_json
from grvae.params import load_params
from studies.longer.recipes import load_longer, resolve


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "out")
def main(params: Path, main_params: Path, out: Path) -> None:
    try:
        resolved = resolve(load_longer(params), load_params(main_params))
    except ValueError as error:
        raise GrvaeError(f"{params}: {error}") from error
    save_json(out, resolved.written())


if __name__ == "__main__":
    main()
