"""Put in order what a kill can leave in DVC's own records: a half-written file.

DVC writes two of them in place. `.dvc/tmp/rwlock` says which processes read and write what at
present, so a torn one says nothing. `dvc.lock` says what every stage last made: the committed one
takes the place of a torn one, and DVC's run-cache restores what was made since. DVC itself refuses
to start with a torn file, or takes the start of one for the whole. The torn one is kept in
`.dvc/tmp/torn`.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from fanout.lock import take, take_link
from fanout.snapshot import list_files, read_if_there, reason, run_git
from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError
from grvae.base.storage import write_atomically

TMP = Path(".dvc") / "tmp"
RWLOCK, TORN = TMP / "rwlock", TMP / "torn"
# DVC holds these while it writes the records.
RWLOCK_GUARD, LOCK_GUARD = TMP / "rwlock.lock", TMP / "lock"

# An entry of dvc.lock for a dependency or an output, from its path on; DVC writes it in this order.
ENTRY = re.compile(r"^( *)- path: .*\n((?:\1  \w+: .*\n)*)\Z", re.MULTILINE)


@click.command("mend", cls=StageCommand)
def main() -> None:
    """Mend what a killed process left half-written in DVC's records of this folder's project."""
    for record in mend(Path()):
        click.echo(tell(record))


def tell(record: Path) -> str:
    """The line for a record that was mended."""
    return f"Mended {record}, which a killed process had left half-written; it is kept in {TORN}."


def mend(folder: Path) -> list[Path]:
    """Mend the records of a project that are torn; returns which.

    Raises:
        GrvaeError: a record is torn and git cannot say which one was committed; nothing is changed.
    """
    mended = []
    with unless_held(folder / RWLOCK_GUARD) as free:
        if free and is_torn_json(read_if_there(folder / RWLOCK)):
            put_aside(folder, RWLOCK)
            mended.append(RWLOCK)
    with unless_held(folder / LOCK_GUARD) as free:
        for lock in find_locks(folder) if free else []:
            if is_torn_lock(read_if_there(folder / lock)):
                committed = committed_content(folder, lock)
                put_aside(folder, lock)
                if committed is not None and not is_torn_lock(committed):
                    write_atomically(folder / lock, committed)
                mended.append(lock)
    return mended


def find_locks(folder: Path) -> list[Path]:
    """Every dvc.lock of the project, of the pipelines in other folders, too."""
    locks = {Path("dvc.lock")}
    with contextlib.suppress(GrvaeError):  # without git there is no list
        locks |= {Path(name) for name in list_files(folder) if Path(name).name == "dvc.lock"}
    return sorted(lock for lock in locks if ".dvc" not in lock.parts)


def committed_content(folder: Path, lock: Path) -> bytes | None:
    """What git's HEAD has of a file; None if it has none.

    Raises:
        GrvaeError: there is a repository and git refuses to read it.
    """
    result = run_git(folder, "cat-file", "--filters", f"HEAD:./{lock}")
    if result.returncode == 0:
        return result.stdout
    repository = any((parent / ".git").exists() for parent in (folder, *folder.resolve().parents))
    check = run_git(folder, "rev-parse", "--git-dir")
    if repository and check.returncode != 0:
        raise GrvaeError(
            f"{lock}: a killed process left it half-written, and git does not give the committed "
            f"one: {reason(check.stderr)}"
        )
    return None


def put_aside(folder: Path, record: Path) -> None:
    """Keep a torn record where it harms nobody."""
    kept = folder / TORN / record
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        (folder / record).replace(kept)
    except OSError as error:
        raise GrvaeError(f"cannot move {record} to {kept}: {error.strerror}") from error


@contextlib.contextmanager
def unless_held(guard: Path) -> Iterator[bool]:
    """Hold one of DVC's locks; yields False where a live DVC holds it, or where none ever ran.

    DVC locks the file, or with `core.hardlink_lock` the file is there only while it is locked.
    """
    if not guard.parent.is_dir():
        yield False
    elif not guard.exists():
        with take_link(guard) as free:
            yield free
    elif guard.stat().st_nlink > 1:
        yield False
    else:
        with take(guard) as held:
            yield held is not None


def is_torn_json(content: bytes | None) -> bool:
    """Whether there is a file and it is not whole JSON."""
    if content is None:
        return False
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def is_torn_lock(content: bytes | None) -> bool:
    """Whether there is a file and it ends in the middle of an entry of dvc.lock.

    One that ends after an entry is whole for DVC, which makes or restores the others. Anything else
    that is wrong with it, a merge conflict say, is a person's business.
    """
    if content is None:
        return False
    text = content.decode(errors="replace")
    if re.search(r": [^\n]+\n\Z", text) is None or "\nstages:" not in f"\n{text}":
        return True
    last = ENTRY.search(text)
    if last is None:
        return False
    values = dict(re.findall(r"^ *(\w+): (.*)$", last[2], re.MULTILINE))
    if values.keys() <= {"hash"}:
        return True
    folder = values.get("md5", "").endswith(".dir")
    return "md5" in values and ("size" not in values or (folder and "nfiles" not in values))


if __name__ == "__main__":
    main()
