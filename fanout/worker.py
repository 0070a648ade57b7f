"""What happens on a worker: run the stages of one unit in a work folder made for them."""

import contextlib
import hashlib
import importlib.metadata
import io
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from configobj import ConfigObj
from distributed import get_worker

from fanout.commands import DVC
from fanout.guard import kill, start_guarded
from fanout.lock import take
from fanout.pipeline import MAIN_FILE, Unit, file_of
from grvae.base.errors import GrvaeError

# Folders that DVC does not track and git ignores. Where the worker sees the caller's, it uses them:
# a run that was killed goes on from its checkpoint, on whichever worker it is tried again.
UNTRACKED_FOLDERS = ("checkpoints", "logs")

# How many threads, and processes of joblib, a stage may use.
THREADS_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")

# A result is exact only for these.
PACKAGES = ("dvc", "numpy", "pandas", "scikit-learn", "scipy", "torch")

LOG_LINES = 200
LOCK_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Remote:
    """For workers that share no disk with the caller: a DVC remote, and the project's files."""

    name: str
    archive: bytes


@dataclass(frozen=True)
class Job:
    """What all units of one fan-out have in common.

    Attributes:
        name: unique; also the Dask topic of its events.
        project: the caller's project folder.
        identity: the same for equal projects; see `Snapshot`.
        exchange: the cache folder that caller and workers share, or else the remote.
        settings: of the caller's DVC, for the worker's.
        threads: of each stage's process.
        versions: what the caller computes with.
    """

    name: str
    project: Path
    identity: str
    exchange: Path | Remote
    settings: Mapping[str, str]
    threads: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a unit ended; `problem` is None if all its results are in the run-cache."""

    unit: Unit
    seconds: float
    problem: str | None = None
    log: tuple[str, ...] = ()


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
            for command in commands(unit, job):
                run_command(command, folder, job, lock, log)
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


def meeting_place(cache: Path, name: str) -> Path:
    """A file in the shared cache folder for what caller and workers tell each other."""
    return cache / "fanout" / name


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


def make_work_folder(folder: Path, job: Job, archive: bytes) -> None:
    """Unpack the caller's project, and point its DVC at where results are exchanged."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="tar")
    settings = {
        **job.settings,
        "core.no_scm": "true",
        "core.analytics": "false",
        "core.site_cache_dir": str(folder / ".dvc" / "tmp" / "site"),
    }
    match job.exchange:
        case Remote(name, _):
            settings |= {"core.remote": name}
        case cache:
            settings |= {"cache.dir": str(cache)}
            for shared in UNTRACKED_FOLDERS:
                # Not so for another user, even where the folder is seen.
                if os.access(job.project, os.W_OK) and not (folder / shared).exists():
                    (job.project / shared).mkdir(exist_ok=True)
                    (folder / shared).symlink_to(job.project / shared)
    write_settings(folder / ".dvc" / "config.local", settings)


def drop_other_pipelines(folder: Path, unit: Unit) -> None:
    """Remove pipelines of which the unit needs nothing: each DVC command would read them."""
    needed = {file_of(stage) for stage in (*unit.inputs, *unit.restores, *unit.stages)}
    for path in list(folder.rglob(MAIN_FILE)):
        if path.relative_to(folder).as_posix() not in needed:
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)


def write_settings(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings of DVC, given by their dotted names, as DVC reads them."""
    file = ConfigObj(encoding="utf-8", interpolation=False)
    for name, value in settings.items():
        section, _, option = name.rpartition(".")
        kind, _, of = section.partition(".")
        file.setdefault(f'{kind} "{of}"' if of else kind, {})[option] = value
    with path.open("wb") as stream:
        file.write(stream)


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
    command: list[str], folder: Path, job: Job, lock: tuple[int, ...], log: deque[str]
) -> None:
    """Run one dvc command and keep the end of what it prints.

    Raises:
        GrvaeError: it failed; names the stage, if it was one that failed.
    """
    # The stages say `python`: it must be this one. Dask limits MKL to one thread on its own.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    threads = {name: str(job.threads) for name in THREADS_VARIABLES}
    process = start_guarded(
        [*DVC, *command],
        folder,
        variables=threads | {"PATH": path},
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
