"""Workers of a Dask cluster that somebody else has started.

Sources, data and results travel through Dask: a worker needs the same packages, and neither DVC nor
a disk or a remote that it shares with the caller.
"""

import hashlib
import io
import logging
import os
import pickle
import platform
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from fanout.job import THREADS_VARIABLES, FanoutError, Job, describe_exit

try:
    import cloudpickle
    import dask
    from distributed import Client, KilledWorker, get_worker
    from distributed.comm.core import CommClosedError
except ModuleNotFoundError as error:
    raise FanoutError("--scheduler needs Dask: pip install distributed") from error

CONNECT_TIMEOUT = "10s"
LOOK_SECONDS = 0.5
GONE = "the Dask scheduler is gone; what was finished is kept: the same command goes on"

# Runs a command until that ends, or standard input does, as when the worker was killed.
GUARD = """\
import os, signal, subprocess, sys, threading

def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)

threading.Thread(target=watch, daemon=True).start()
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.exit(code if code >= 0 else 128 - code)
"""


class ClusterWorkers:
    """The workers of a scheduler."""

    def __init__(self, address: str, threads: int, root: Path) -> None:
        for name in ("distributed", "distributed.client"):  # which has a level of its own
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what it means is said here
        cloudpickle.register_pickle_by_value(sys.modules["fanout"])
        dask.config.set({"distributed.comm.timeouts.connect": CONNECT_TIMEOUT})
        self.threads = threads
        self.top = Path(run_git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
        try:
            self.client = Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise FanoutError(f"no Dask scheduler at {address!r}: {error}") from error
        self.executor = self.client.get_executor(pure=False)
        self.unsent: list[Job] = []
        self.sent: dict[str, Any] = {}  # by the hash of the content
        self.running: dict[Future[tuple[int, bytes, bytes]], Job] = {}

    def slots(self) -> int:
        """How many jobs may run at a time; workers may come and go."""
        try:
            return sum(self.client.nthreads().values())
        except OSError as error:
            raise FanoutError(GONE) from error

    def start(self, job: Job) -> None:
        """Send a job with what it reads; later, if the worker that is to have it has just died."""
        try:
            self.submit(job)
        except (CommClosedError, TimeoutError):
            self.unsent.append(job)

    def submit(self, job: Job) -> None:
        """Send a job with what it reads."""
        names = tracked_files(self.top)
        sources = self.send(pack(self.top, names))
        known = {self.top / name for name in names}
        data = {
            str(file.relative_to(self.top)): self.send(file.read_bytes())
            for path in job.inputs
            for file in (path, *path.rglob("*"))
            if file.is_file() and file not in known
        }
        there = replace(
            job,
            folder=job.folder.relative_to(self.top),
            root=job.root.relative_to(self.top),
            inputs=(),
            outputs=[path.relative_to(self.top) for path in job.outputs],
        )
        # By value: fanout need not be installed there.
        run = cloudpickle.dumps(partial(run_job, there, self.threads, installed()))
        call = lambda run, sources, data: pickle.loads(run)(sources, data)  # noqa: E731
        self.running[self.executor.submit(call, run, sources, data)] = job

    def send(self, content: bytes) -> Any:
        """Give content to a worker, once; returns what stands for it in a task's arguments."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self.sent:
            key = f"fanout-{digest}-{uuid.uuid4().hex}"
            self.sent[digest] = self.client.scatter({key: content})[key]
        return self.sent[digest]

    def wait(self, seconds: float) -> Mapping[str, str | None]:
        """Wait until jobs end; gives each one's name, and the problem if it failed."""
        if not self.running:
            time.sleep(seconds)  # for a worker
        unsent, self.unsent = self.unsent, []
        for job in unsent:
            self.start(job)
        ended = {}
        for future in wait(self.running, seconds, FIRST_COMPLETED).done:
            job = self.running.pop(future)
            try:
                ended[job.name] = self.collect(job, future)
            except CancelledError as error:
                if self.client.status != "running":
                    raise FanoutError(GONE) from error
                self.sent.clear()  # a worker died that had data which it alone had
                self.start(job)
        return ended

    def collect(self, job: Job, future: Future[tuple[int, bytes, bytes]]) -> str | None:
        """Write what a job has printed and made; returns the problem if it failed."""
        error = future.exception()
        job.start_log()
        if isinstance(error, KilledWorker):
            return "its worker was killed again and again, probably out of memory"
        if error is not None:
            return " ".join(f"{type(error).__name__}: {error}".split())
        code, log, outputs = future.result()
        job.log.write_bytes(log)
        if code == 0:
            unpack(outputs, self.top)
        return describe_exit(code)

    def stop(self) -> None:
        """Let the workers end what runs, and leave."""
        for future in self.running:
            future.cancel()
        self.running.clear()
        self.client.close(timeout=1)


def tracked_files(top: Path) -> list[str]:
    """The names of the files that git tracks or would track, as they are on disk."""
    listing = run_git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = sorted(set(listing.split("\0")) - {""})
    return [name for name in names if (top / name).is_file()]


def run_git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True)
    if result.returncode:
        raise FanoutError(f"a cluster gets git's files: {os.fsdecode(result.stderr)}")
    return os.fsdecode(result.stdout)


def pack(top: Path, names: Iterable[str]) -> bytes:
    """Files, and folders with all that they hold; equal ones give equal bytes."""

    def without_history(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            archive.add(top / name, name, filter=without_history)
    return buffer.getvalue()


def unpack(archive: bytes, top: Path) -> None:
    """Write what `pack` has packed."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(top, filter="tar")


def installed() -> dict[str, str]:
    """What may change a result's bits, by name: the machine, Python and every package."""
    found = (path.stem for folder in sys.path for path in Path(folder).glob("*.dist-info"))
    packages = dict(name.split("-", 1) for name in found)
    return {"machine": platform.machine(), "python": platform.python_version()} | packages


def run_job(
    job: Job, threads: int, packages: Mapping[str, str], sources: bytes, data: Mapping[str, bytes]
) -> tuple[int, bytes, bytes]:
    """On a worker: run a job in a folder of its own.

    Returns:
        The exit code, what was printed, and the outputs, packed.
    """
    for name, version in installed().items():
        if packages.get(name, version) != version:
            raise RuntimeError(f"the worker has {name} {version}, the caller {packages[name]}")
    worker = get_worker()
    with tempfile.TemporaryDirectory(prefix="fanout-", dir=worker.local_directory) as folder:
        top = Path(folder)
        unpack(sources, top)
        for name, content in data.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_bytes(content)
        (top / job.folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile() as log:
            there = replace(job, root=top / job.root, folder=top / job.folder)
            for command in job.commands:
                if code := run_guarded(command, there, threads, log):
                    break
            made = [str(path) for path in job.outputs if (top / path).exists()]
            log.seek(0)
            return code, log.read(), pack(top, made)


def run_guarded(command: str, job: Job, threads: int, log: IO[bytes]) -> int:
    """Run a command until it ends, the worker does, or nobody wants its result any more."""
    worker = get_worker()
    task = worker.get_current_task()
    # Dask's nannies set how eagerly freed memory is returned: half of a training's time.
    variables = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    variables |= {**dict.fromkeys(THREADS_VARIABLES, str(threads)), **job.variables}
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    process = subprocess.Popen(
        [sys.executable, "-c", GUARD, *job.shell, command], cwd=job.folder, env=variables,
        stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, process_group=0,
    )  # fmt: skip
    try:
        while True:
            try:
                return process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if worker.state.tasks[task].state != "executing":
                    raise RuntimeError("nobody wants it any more") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
