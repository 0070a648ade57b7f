"""What all stage commands share: errors that fit on one line."""

from pathlib import Path
from typing import Any

import click

from grvae.base.errors import GrvaeError

PATH = click.Path(path_type=Path)


class StageCommand(click.Command):
    """A command that shows a `GrvaeError` as one line and exits with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GrvaeError as error:
            raise click.ClickException(str(error)) from error
