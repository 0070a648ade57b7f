"""Remove what a kill can leave in DVC's own records: a half-written file.

DVC writes two of them in place. `.dvc/tmp/rwlock` says which processes read and write what at
present, so a torn one says nothing. `dvc.lock` says what every stage last made: the committed one
takes the place of a torn one, and DVC's run-cache restores what was made since. DVC itself refuses
to start with a torn file, or takes the start of one for the whole.
"""

import contextlib
import fcntl
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from fanout.snapshot import list_files
from grvae.base.errors import GrvaeError

TMP = Path(".dvc") / "tmp"
RWLOCK = TMP / "rwlock"
# DVC holds these while it writes the records.
RWLOCK_GUARD, LOCK_GUARD = TMP / "rwlock.lock", TMP / "lock"


def mend(folder: Path) -> list[Path]:
    """Mend the records of a project that are torn; returns which."""
    mended = []
    with unless_held(folder / RWLOCK_GUARD) as free:
        if free and is_torn(folder / RWLOCK, is_torn_json):
            (folder / RWLOCK).unlink()
            mended.append(RWLOCK)
    with unless_held(folder / LOCK_GUARD) as free:
        for lock in find_locks(folder) if free else []:
            if is_torn(folder / lock, is_torn_lock):
                (folder / lock).unlink()
                restore = ["git", "checkout", "--quiet", "HEAD", "--", str(lock)]
                subprocess.run(restore, cwd=folder, capture_output=True)  # if git has one
                mended.append(lock)
    return mended


def find_locks(folder: Path) -> list[Path]:
    """Every dvc.lock of the project, of the pipelines in other folders, too."""
    locks = {Path("dvc.lock")}
    with contextlib.suppress(GrvaeError):  # without git there is no list
        locks |= {Path(name) for name in list_files(folder) if Path(name).name == "dvc.lock"}
    return sorted(locks)


def is_torn(record: Path, says_so: Callable[[bytes], bool]) -> bool:
    """Whether a record exists and its content is torn."""
    return record.exists() and says_so(record.read_bytes())


@contextlib.contextmanager
def unless_held(guard: Path) -> Iterator[bool]:
    """Hold one of DVC's locks; yields False where a live DVC holds it, or where none ever ran."""
    if not guard.exists():
        yield False
        return
    with guard.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_torn_json(content: bytes) -> bool:
    """Whether this is not whole JSON."""
    try:
        json.loads(content)
    except ValueError:
        return True
    return False


def is_torn_lock(content: bytes) -> bool:
    """Whether this ends in the middle of an entry of dvc.lock.

    Anything else that is wrong with it, a merge conflict say, is a person's business.
    """
    return re.search(rb": [^\n]+\n\Z", content) is None


if __name__ == "__main__":
    for path in mend(Path()):
        print(f"Mended {path}, which a killed process had left half-written.")
