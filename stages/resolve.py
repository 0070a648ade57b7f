"""Write every variant that is asked for in full; what is trained and measured depends on that."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.storage import save_json
from grvae.params import load_params


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "out")
def resolve(params: Path, out: Path) -> None:
    for name, variant in load_params(params).resolve().items():
        save_json(out / f"{name}.json", variant.written())


if __name__ == "__main__":
    resolve()
