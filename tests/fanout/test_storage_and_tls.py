"""The commands of docs/more-machines.md over TLS, and with a disk that is full."""

import contextlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests import project
from tests.fanout.engines import free_port, listens, running, wait_for
from tests.fanout.kills import assert_done_by_workers, calling, kill_worker_of
from tests.fanout.page import (
    CACHE,
    CERTIFICATE,
    START_SCHEDULER,
    START_WORKERS,
    TLS_SCHEDULER,
    block,
    read_lock,
    run,
    small_project,
)
from tests.fanout.toy import DVC, Toy

pytest.importorskip("distributed")


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: Path, **environment: str):
    """The scheduler and the two workers that the page starts by hand; yields the address."""
    port = free_port()

    def start(word):
        script = block(word).replace("head", "127.0.0.1").replace("8786", str(port))
        return running(
            *shlex.split(script), log=folder / "dask.log", env=project.ENVIRONMENT | environment
            | {"DASK_TEMPORARY_DIRECTORY": str(workers)},
        )  # fmt: skip

    with start(START_SCHEDULER):
        wait_for(lambda: listens(port))
        with start(START_WORKERS):
            yield f"tls://127.0.0.1:{port}"


def certify(folder: Path) -> dict[str, str]:
    """Make a certificate as the page does; returns the variables that it sets."""
    output = run(folder, f"{block(CERTIFICATE)}\nenv", HOME=str(folder))
    lines = [line.partition("=") for line in output.splitlines()]
    return {name: value for name, _, value in lines if name.startswith("DASK_DISTRIBUTED__COMM")}


@pytest.mark.slow
def test_tls_and_a_killed_worker(folder, workers, trainings, expected):
    caller = small_project(folder / "project")
    variables = certify(folder)
    assert len(variables) == 8
    trainings.hold()
    with dask_cluster(folder, workers, **variables) as address:
        script = block(TLS_SCHEDULER).replace("tls://head:8786", address)
        with calling(caller.folder, script, **variables) as process:
            training, _ = trainings.next(2, process)
            kill_worker_of(training)
            trainings.release()
            output, _ = process.communicate(timeout=3600)
        assert process.returncode == 0, output
        assert_done_by_workers(output, here={"download"})
    assert read_lock(caller) == expected


@pytest.fixture
def small_disk(folder):
    """A file system of 40 MB."""
    if os.geteuid() != 0:
        pytest.skip("a file system is mounted by root only")
    disk = folder / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(disk)]
    if subprocess.run(options).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # also where a test left it busy


LARGE = """\
import atexit, pathlib, sys

def enlarge():
    with pathlib.Path(sys.argv[1]).open("a") as file:
        file.write("x" * 8_000_000)

if sys.argv[1] != "summary.txt":
    atexit.register(enlarge)
"""


@pytest.mark.slow
def test_full_shared_disk_is_told_and_with_room_the_same_command_goes_on(tmp_path, small_disk):
    reference, toy = Toy(tmp_path / "reference"), Toy(tmp_path / "toy")
    for each in (reference, toy):
        each.prepend(LARGE)
    reference.run(*DVC, "repro")
    run(toy.folder, block(CACHE).replace("/shared/grvae-cache", f"{small_disk}/cache"))
    (small_disk / "filler").write_bytes(bytes(40 << 20))
    output = toy.grvae("-j", "2", code=1)
    assert "No space left on device" in output
    assert "Traceback" not in output
    (small_disk / "filler").unlink()
    output = toy.grvae("-j", "2", code=1)  # room for the data and some of the results
    assert "No space left on device" in output
    assert "Traceback" not in output
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    toy.grvae("-j", "2")
    assert toy.lock() == reference.lock()
