"""Locks with and without flock; both exclude, both are free again after their holder."""

import errno
import fcntl
import os

import pytest

from fanout import lock
from fanout.lock import take
from grvae.base.errors import GrvaeError


@pytest.fixture(params=["flock", "no flock"])
def path(request, tmp_path, monkeypatch):
    """A lock's path, on a file system of either kind."""
    if request.param == "no flock":

        def flock(*_):
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(fcntl, "flock", flock)
    return tmp_path / "folder" / "lock"


def test_held_lock_is_not_free_and_then_it_is(path):
    with take(path) as first, take(path) as second:
        assert first is not None
        assert second is None
    with take(path) as third:
        assert third is not None


def test_lock_whose_file_is_gone_is_none(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    monkeypatch.setattr(fcntl, "flock", lambda *_: path.unlink())
    with take(path) as held:
        assert held is None


def test_link_of_a_dead_holder_expires(tmp_path):
    path = tmp_path / "link"
    path.with_name("claim").write_text(f"{path}|elsewhere|1|2")
    path.hardlink_to(path.with_name("claim"))
    os.utime(path, (0, 0))
    with lock.take_link(path) as free:
        assert free


def test_lock_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(GrvaeError, match=r"cannot write .*file/lock: "),
        take(tmp_path / "file/lock"),
    ):
        pass


def test_lock_is_for_those_who_may_write_beside_it(tmp_path):
    for mode in (0o2770, 0o700):
        tmp_path.chmod(mode)
        with take(tmp_path / "lock"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == mode & 0o666
