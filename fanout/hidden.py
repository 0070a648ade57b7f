"""A pipeline that DVC sees only while it is asked for.

`dvc status`, `dvc checkout` and the like speak of every dvc.yaml in the project. One whose results
few people have is hidden by a `.dvcignore` beside it, and they pass it over. But then DVC refuses
to run it, too. So the `.dvcignore` is put aside until a command has ended, for DVC's own by

    python -m fanout.hidden studies/claims/dvc.yaml dvc status studies/claims/dvc.yaml
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from fanout.lock import take
from fanout.pipeline import MAIN_FILE
from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError

IGNORE = ".dvcignore"
TMP = Path(".dvc") / "tmp"
ASIDE = TMP / "hidden"


@contextlib.contextmanager
def only_caller(folder: Path) -> Iterator[None]:
    """Refuse a second fan-out from the same workspace, and tidy up after one that was killed."""
    with take(folder / TMP / "grvae-repro.lock") as held:
        if held is None:
            raise GrvaeError("another `grvae repro` is at work in this folder")
        for ignore in (folder / ASIDE).rglob(IGNORE):
            move(ignore, folder / ignore.relative_to(folder / ASIDE))
        yield


@contextlib.contextmanager
def in_sight(folder: Path, file: str) -> Iterator[None]:
    """Let DVC see a hidden pipeline until the end; only one caller at a time may ask for it.

    Args:
        folder: the project.
        file: the pipeline's dvc.yaml, as seen from the project's folder.
    """
    aside = folder / ASIDE / Path(file).with_name(IGNORE)
    ignore = hidden_by(folder, file)
    if ignore:
        move(ignore, aside)
    try:
        yield
    finally:
        if ignore:
            move(aside, ignore)


def hidden_by(folder: Path, file: str) -> Path | None:
    """The `.dvcignore` that hides a pipeline of a project; None if it is in sight."""
    ignore = folder / Path(file).with_name(IGNORE)
    return ignore if ignore.exists() and MAIN_FILE in ignore.read_text().splitlines() else None


def move(source: Path, target: Path) -> None:
    """Move a file, to a folder that may be new."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


@click.command(cls=StageCommand, context_settings={"allow_interspersed_args": False})
@click.argument("file")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def main(file: str, command: tuple[str, ...]) -> None:
    """Run COMMAND while DVC sees the pipeline FILE."""
    if Path(file).is_absolute() or not Path(file).is_file():
        raise GrvaeError(f"got {file!r}, should be a {MAIN_FILE}, seen from the project's folder")
    with only_caller(Path()), in_sight(Path(), file):
        code = subprocess.run(command).returncode
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
