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
from collections.abc import Iterator
from pathlib import Path

RWLOCK, LOCK = Path(".dvc") / "tmp" / "rwlock", Path("dvc.lock")
# DVC holds the one while it writes the other.
GUARDS = {RWLOCK: Path(".dvc") / "tmp" / "rwlock.lock", LOCK: Path(".dvc") / "tmp" / "lock"}


def mend(folder: Path) -> list[Path]:
    """Mend the records of a project that are torn; returns which."""
    mended = []
    for record, is_torn in ((RWLOCK, is_torn_json), (LOCK, is_torn_lock)):
        with unless_held(folder / GUARDS[record]) as free:
            if free and (folder / record).exists() and is_torn((folder / record).read_bytes()):
                (folder / record).unlink()
                mended.append(record)
                if record == LOCK:
                    restore = ["git", "checkout", "--quiet", "HEAD", "--", str(LOCK)]
                    subprocess.run(restore, cwd=folder, capture_output=True)  # if git has one
    return mended


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
