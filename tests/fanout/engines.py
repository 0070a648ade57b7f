"""Real engines on this machine's loopback, each started for a test and stopped by it."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(true, seconds: float = 300):
    """Wait until a function returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < deadline, f"{true} was in vain"
        time.sleep(0.2)
    return result


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(*command: str, log: Path, **options) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped in the end, with all that it started."""
    with log.open("a") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=output, text=True, start_new_session=True,
            **{"stdout": output} | options,
        )  # fmt: skip
    try:
        yield process
    finally:
        children = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        for child in [process, *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.communicate()


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 server with a bucket; yields the variables under which a client finds it."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    with running(
        sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port),
        log=folder / "s3.log",
    ):  # fmt: skip
        wait_for(lambda: listens(port))
        request = urllib.request.Request(f"{url}/bucket", method="PUT")
        urllib.request.urlopen(request).close()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def stages_below(folder: Path) -> list[psutil.Process]:
    """The trainings that run in work folders below a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "stages.train" in process.cmdline() and process.cwd().startswith(str(folder)):
                found.append(process)
    return found


def worker_of(stage: psutil.Process) -> psutil.Process:
    """The Dask worker that runs a stage: the parent of the stage's guard."""
    guard = next(p for p in stage.parents() if any("guard.py" in part for part in p.cmdline()))
    return guard.parent()
