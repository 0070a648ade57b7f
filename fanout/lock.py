"""DVC's records: in an order that does not depend on history, and whole after a kill."""

import contextlib
import fcntl
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from dvc.lock import make_lock
from dvc.stage import PipelineStage
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from fanout.job import FanoutError


def rewrite(lock: Path, order: Sequence[str], made: Sequence[PipelineStage]) -> bool:
    """Bring a dvc.lock up to date; returns whether that changed it.

    The file is replaced at once, so that a kill leaves a whole one.

    Args:
        lock: the file.
        order: the names of all stages of the pipeline; entries of others are dropped.
        made: the stages with a new entry.
    """
    text = lock.read_text() if lock.exists() else ""
    names = re.findall(r"^  (\S.*):$", text, re.MULTILINE)
    if not made and names == [name for name in order if name in names]:
        return False
    data = parse_yaml_for_update(text, str(lock)) or {"schema": "2.0"}
    stages = data.get("stages") or {}
    for stage in made:
        stages.update(to_lockfile(stage))
    data["stages"] = {name: stages[name] for name in order if name in stages}
    if (new := dumps_yaml(data)) == text:
        return False
    file = lock.with_name(f".{lock.name}.tmp")
    file.write_text(new)
    file.replace(lock)
    return True


@contextlib.contextmanager
def only_caller(tmp: Path) -> Iterator[None]:
    """Refuse a second caller.

    Args:
        tmp: the project's `.dvc/tmp`.
    """
    with (tmp / "fanout.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FanoutError(f"another call is at work in {tmp.parent.parent}") from error
        yield


def mend_rwlock(tmp: Path) -> None:
    """Drop DVC's list of who reads and writes what now, if a kill has left it half-written."""
    file = tmp / "rwlock"
    with make_lock(str(tmp / "rwlock.lock"), tmp_dir=str(tmp)):
        try:
            json.loads(file.read_text() if file.exists() else "{}")
        except ValueError:
            file.unlink()


def mend(lock: Path, tmp: Path) -> None:
    """Put the committed dvc.lock in the place of one that a kill of `dvc repro` has cut short.

    Raises:
        FanoutError: git has no whole one.
    """
    if not lock.exists() or lock.read_bytes().endswith(b"\n"):
        return
    command = ["git", "show", f"HEAD:./{lock.name}"]
    committed = subprocess.run(command, cwd=lock.parent, capture_output=True).stdout
    if not committed.endswith(b"\n"):
        raise FanoutError(
            f"{lock} was cut short by a kill, and git has no other; without the file, "
            "stages come from the run-cache or run again"
        )
    kept = tmp / "dvc.lock.torn"
    kept.write_bytes(lock.read_bytes())
    lock.write_bytes(committed)
    print(f"{lock} was cut short by a kill; the committed one is back, the other is {kept}")
