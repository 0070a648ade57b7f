"""Locks between processes, also on file systems without flock (some of Lustre's, for one).

There a hard link is the lock, as with DVC's `core.hardlink_lock`; it is taken anew while it is held
and expires when its holder has died.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from flufl.lock import Lock, LockError

from grvae.base.errors import GrvaeError

try:
    import fcntl
except ModuleNotFoundError as error:
    raise GrvaeError(
        "`grvae repro` needs fcntl, which this system has not: use `dvc repro`"
    ) from error

NO_FLOCK = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}
LIFETIME = timedelta(seconds=60)
LINK_PATIENCE = timedelta(seconds=1)  # with none, an expired link would not be noticed


@contextlib.contextmanager
def take(path: Path) -> Iterator[tuple[int, ...] | None]:
    """Try to take a lock.

    Yields:
        None where another process holds it. Else the descriptors that hold it until the last
        process that has one ends; there is none where a hard link holds it.

    Raises:
        GrvaeError: the lock's file cannot be opened or locked.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as error:
        raise GrvaeError(f"cannot write {path}: {error.strerror}") from error
    with contextlib.suppress(PermissionError):  # another user's
        os.fchmod(file.fileno(), path.parent.stat().st_mode & 0o666)
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        except OSError as error:
            if error.errno not in NO_FLOCK:
                raise GrvaeError(f"cannot lock {path}: {error.strerror}") from error
        else:
            # The last holder may have removed the file that was opened: then that is no lock.
            yield (file.fileno(),) if is_still(path, file.fileno()) else None
            return
    with take_link(path.with_name(f"{path.name}.link")) as free:
        yield () if free else None


def is_still(path: Path, descriptor: int) -> bool:
    """Whether a path still names an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def take_link(path: Path) -> Iterator[bool]:
    """Try to take a lock that is a hard link; yields whether it was free."""
    link = Lock(str(path), lifetime=LIFETIME)
    try:
        link.lock(LINK_PATIENCE)
    except (LockError, OSError):  # held, or DVC's own file of the other kind is there
        yield False
        return
    ended = threading.Event()
    keeper = threading.Thread(target=keep, args=(link, ended), daemon=True)
    keeper.start()
    try:
        yield True
    finally:
        ended.set()
        keeper.join()
        link.unlock(unconditionally=True)


def keep(link: Lock, ended: threading.Event) -> None:
    """Put off a link's expiry until the end."""
    while not ended.wait(LIFETIME.total_seconds() / 3):
        link.refresh(unconditionally=True)
