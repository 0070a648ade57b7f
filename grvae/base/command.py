"""What all commands share: errors that fit on one line, and file options on one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from grvae.base.errors import GrvaeError

PATH = click.Path(path_type=Path)
Function = TypeVar("Function", bound=Callable[..., object])


class StageCommand(click.Command):
    """A command that shows a `GrvaeError` as one line and exits with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GrvaeError as error:
            raise click.ClickException(str(error)) from error


class CommandGroup(StageCommand, click.Group):
    """Commands under one name, with the same errors."""


def paths(*names: str, required: bool = True) -> Callable[[Function], Function]:
    """Add an option for a file or folder under each name; `pixel-probe` gives `pixel_probe`."""

    def add(function: Function) -> Function:
        for name in reversed(names):
            function = click.option(f"--{name}", type=PATH, required=required)(function)
        return function

    return add
