"""A pipeline that DVC sees only while it is asked for.

`dvc status`, `dvc checkout` and the like speak of every dvc.yaml in the project. One that few have
the results of says so in its `.dvcignore`, and they pass it over; but then DVC refuses to run it,
too. Here the `.dvcignore` is put aside until a command has ended, for DVC's own commands by

    python -m fanout.hidden studies/claims/dvc.yaml dvc status studies/claims/dvc.yaml
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fanout.pipeline import MAIN_FILE

IGNORE = ".dvcignore"
ASIDE = Path(".dvc") / "tmp" / "hidden"


@contextlib.contextmanager
def in_sight(folder: Path, file: str) -> Iterator[None]:
    """Let DVC see a pipeline, hidden or not, until the end.

    Args:
        folder: the project.
        file: the pipeline's dvc.yaml, as seen from the project's folder.
    """
    ignore = Path(file).with_name(IGNORE)
    is_hidden = hides(folder / ignore)
    if is_hidden:
        move(folder / ignore, folder / ASIDE / ignore)
    try:
        yield
    finally:
        if is_hidden:
            move(folder / ASIDE / ignore, folder / ignore)


def hides(ignore: Path) -> bool:
    """Whether a `.dvcignore` hides the pipeline beside it."""
    return ignore.exists() and MAIN_FILE in ignore.read_text().splitlines()


def move(source: Path, target: Path) -> None:
    """Move a file, to a folder that may be new."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)


def hide_again(folder: Path) -> None:
    """Put back what a killed process has left aside."""
    for ignore in (folder / ASIDE).rglob(IGNORE):
        move(ignore, folder / ignore.relative_to(folder / ASIDE))


def main() -> int:
    """Run a command while DVC sees a pipeline."""
    file, *command = sys.argv[1:]
    with in_sight(Path(), file):
        return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
