"""What real engines are started with, also where two processes of pytest start some at once."""

import os
import socket
import threading
import time

import pytest

from tests.fanout.engines import disk_of, free_port, hanging_disk, install, wait_for

# As the real one, it refuses to run beside another.
APT_GET = """\
#!/bin/sh
mkdir {folder}/busy || exit 100
echo "$1" >>{folder}/calls
sleep 0.2
if [ "$1" = install ]; then touch {folder}/engine && chmod +x {folder}/engine; fi
rmdir {folder}/busy
"""


def test_two_that_need_the_same_program_install_it_once(tmp_path, monkeypatch):
    (tmp_path / "apt-get").write_text(APT_GET.format(folder=tmp_path))
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("tests.fanout.engines.INSTALLING", tmp_path / "lock")
    threads = [threading.Thread(target=install, args=(("engine",), "engine")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "calls").read_text().split() == ["update", "install"]


def test_free_port_is_kept_from_whoever_asks_for_any():
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()  # but a server gets it


@pytest.mark.slow
def test_disk_that_hangs_lets_writers_wait(tmp_path):
    def write_is_slow() -> bool:
        start = time.monotonic()
        (disk / "file").touch()
        return time.monotonic() - start > 1

    with disk_of("8M", tmp_path) as disk:
        with hanging_disk(disk):
            wait_for(write_is_slow, 20)
        assert not write_is_slow()
