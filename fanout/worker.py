"""What happens on a worker: run the stages of one unit in a work folder made for them."""

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from distributed import get_worker

from fanout.commands import DVC
from fanout.guard import kill, start_guarded
from fanout.job import Job, Outcome, Remote, meeting_place
from fanout.lock import take
from fanout.pipeline import Unit
from fanout.warm import start
from fanout.work_folder import drop_other_pipelines, make_work_folder
from grvae.base.errors import GrvaeError

# How many threads, and processes of joblib, a stage may use.
THREADS_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")

# A result is exact only for these.
PACKAGES = ("dvc", "numpy", "pandas", "scikit-learn", "scipy", "torch")

LOG_LINES = 200
LOCK_POLL_SECONDS = 0.5


class Processes:
    """The processes that this worker runs, by job, so that a job can be stopped."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped: set[str] = set()
        self.running: dict[str, set[subprocess.Popen[str]]] = {}

    def add(self, job: str, process: subprocess.Popen[str]) -> None:
        """Note a started process; it is killed at once if its job was stopped meanwhile."""
        with self.lock:
            self.running.setdefault(job, set()).add(process)
            if job in self.stopped:
                kill(process)

    def remove(self, job: str, process: subprocess.Popen[str]) -> None:
        """Forget a process that has ended."""
        with self.lock:
            self.running[job].discard(process)

    def stop(self, job: str) -> None:
        """Kill what runs for a job and let nothing more start for it."""
        with self.lock:
            self.stopped.add(job)
            for process in self.running.get(job, ()):
                kill(process)


PROCESSES = Processes()


class WarmPythons:
    """The servers of this worker that stages are started by, by their number of threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.servers: dict[int, tuple[Path, subprocess.Popen[str]]] = {}

    def get(self, threads: int, scratch: str) -> Path:
        """A folder of a Python that starts at once; see `fanout.warm`."""
        with self.lock:
            # One that was idle has ended well. One that cannot start would fail again.
            if threads not in self.servers or self.servers[threads][1].poll() == 0:
                folder = Path(tempfile.mkdtemp(prefix="python-", dir=scratch))
                self.servers[threads] = folder, start(folder, thread_variables(threads))
            return self.servers[threads][0]


WARM_PYTHONS = WarmPythons()


def thread_variables(threads: int) -> dict[str, str]:
    """The environment of a process with so many threads; Dask limits MKL to one on its own."""
    return dict.fromkeys(THREADS_VARIABLES, str(threads))


def stop_job(name: str) -> None:
    """Stop a job on this worker."""
    PROCESSES.stop(name)


def versions() -> dict[str, str]:
    """What may change a result's bits."""
    python = ".".join(platform.python_version_tuple()[:2])
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"machine": platform.machine(), "python": python} | packages


def run_unit(unit: Unit, job: Job, before: Sequence[Outcome] = ()) -> Outcome:
    """Run a unit's stages here and leave their results where the caller's DVC finds them.

    Args:
        unit: what to run.
        job: what it is part of.
        before: how the units ended that it waits for.
    """
    if failed := [outcome.unit.name for outcome in before if outcome.problem]:
        return Outcome(unit, 0.0, f"not started: it needs {'; '.join(failed)}")
    worker = get_worker()
    worker.log_event(job.name, unit.name)
    start, log = time.perf_counter(), deque[str](maxlen=LOG_LINES)
    problem = None
    try:
        check_versions(job)
        archive = project_archive(job)
        with (
            only_one(unit, job) as lock,
            tempfile.TemporaryDirectory(prefix="grvae-", dir=worker.local_directory) as name,
        ):
            folder = Path(name)
            make_work_folder(folder, job, archive)
            drop_other_pipelines(folder, unit)
            python = WARM_PYTHONS.get(job.threads, worker.local_directory)
            for command in commands(unit, job):
                run_command(command, folder, job, lock, log, python)
    except GrvaeError as error:
        problem = f"{error} (on {worker.address})"
    return Outcome(unit, time.perf_counter() - start, problem, tuple(log))


def check_versions(job: Job) -> None:
    """Refuse to compute what might not be the caller's result to the bit."""
    for name, version in versions().items():
        if version != job.versions[name]:
            raise GrvaeError(
                f"the worker has {name} {version}, should be {job.versions[name]} as at the caller"
            )


def project_archive(job: Job) -> bytes:
    """The caller's project, as packed by `take_snapshot`."""
    if isinstance(job.exchange, Remote):
        return job.exchange.archive
    try:
        return meeting_place(job.exchange, job.name).read_bytes()
    except OSError as error:
        raise GrvaeError(
            f"the worker does not see the caller's cache folder {job.exchange}: "
            "use a shared one (`dvc cache dir`) or --via-remote"
        ) from error


@contextlib.contextmanager
def only_one(unit: Unit, job: Job) -> Iterator[tuple[int, ...]]:
    """Wait until no other worker runs this unit, as one does that Dask has wrongly given up.

    Yields:
        The descriptors that hold the lock; it is free when the last process with one has ended.
    """
    if isinstance(job.exchange, Remote):
        yield ()  # no shared disk to hold a lock
        return
    key = hashlib.sha256(f"{job.identity} {unit.name}".encode()).hexdigest()
    path = meeting_place(job.exchange, f"{key}.lock")
    while True:
        with take(path) as held:
            if held is not None:
                yield held
                path.unlink(missing_ok=True)
                return
        if job.name in PROCESSES.stopped:
            raise GrvaeError("stopped")
        time.sleep(LOCK_POLL_SECONDS)


def commands(unit: Unit, job: Job) -> Iterator[list[str]]:
    """The dvc commands that run a unit."""
    if isinstance(job.exchange, Remote):
        yield ["repro", "--single-item", "--pull", *unit.restores, *unit.stages]
        yield ["push", "--run-cache", *unit.stages]
    else:
        if unit.inputs:
            yield ["checkout", *unit.inputs]
        yield ["repro", "--single-item", *unit.restores, *unit.stages]


def run_command(
    command: list[str],
    folder: Path,
    job: Job,
    lock: tuple[int, ...],
    log: deque[str],
    python: Path,
) -> None:
    """Run one dvc command and keep the end of what it prints.

    Args:
        command: its arguments.
        folder: where to run it.
        job: what it is part of.
        lock: descriptors to hold until it ends.
        log: to which lines are added.
        python: the folder of the `python` that runs DVC and the stages.

    Raises:
        GrvaeError: it failed; names the stage, if it was one that failed.
    """
    path = os.pathsep.join([str(python), str(Path(sys.executable).parent), os.environ["PATH"]])
    process = start_guarded(
        [str(python / "python"), *DVC[1:], *command],
        folder,
        variables={**thread_variables(job.threads), "PATH": path},
        output=subprocess.PIPE,
        keep_open=lock,
    )
    PROCESSES.add(job.name, process)
    assert process.stdout is not None
    with process.stdout:
        log.extend(line.rstrip("\n") for line in process.stdout)
    code = process.wait()
    PROCESSES.remove(job.name, process)
    kill(process)  # closes the pipe; there is nobody left to kill
    if code != 0:
        failed = re.findall(r"failed to reproduce '([^']+)'", "\n".join(log))
        reasons = [line.removeprefix("ERROR: ") for line in log if line.startswith("ERROR: ")]
        raise GrvaeError(
            f"{failed[-1]} failed"
            if failed
            else f"`dvc {command[0]}` failed: {reasons[-1] if reasons else f'exit code {code}'}"
        )
