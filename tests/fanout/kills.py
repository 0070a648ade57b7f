"""SIGKILL for those who take part in a fan-out, while trainings wait; and what must be left."""

import contextlib
import hashlib
import os
import shlex
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests import project
from tests.fanout.engines import listener, wait_for
from tests.fanout.toy import GRVAE, ran
from tests.project import Project

# Where the trainings of this process's tests leave notes; see `Trainings`.
NOTES = Path(tempfile.gettempdir()) / f"grvae-trainings-{os.getpid()}"
SHOW = '        """Show one finished epoch."""\n'
NOTE = f"""\
        import os, pathlib, time

        notes = pathlib.Path({str(NOTES)!r})
        if row.epoch == 1 and notes.is_dir():
            (notes / f"{{self.label}} {{os.getpid()}}").touch()
            while (notes / "hold").exists():
                time.sleep(0.1)
"""


def leave_notes(train: Path) -> None:
    """Let the trainings of a project's `stages/train.py` leave notes."""
    code = train.read_text()
    assert SHOW in code
    train.write_text(code.replace(SHOW, SHOW + NOTE))


class Trainings:
    """The trainings of a test: after its first epoch each leaves a note, and waits while held."""

    def __init__(self) -> None:
        self.seen = 0

    def hold(self) -> None:
        (NOTES / "hold").touch()

    def release(self) -> None:
        (NOTES / "hold").unlink()

    def notes(self) -> list[Path]:
        """In the order in which they were left."""
        return sorted(NOTES.glob("routed *"), key=lambda note: note.stat().st_mtime_ns)

    def seeds(self) -> list[int]:
        return [int(note.name.split()[1]) for note in self.notes()]

    def next(self, number: int, caller: subprocess.Popen[str]) -> list[psutil.Process]:
        """The next ones, as soon as all have left their notes and wait."""

        def found() -> list[Path]:
            assert caller.poll() is None, caller.communicate()[0]
            notes = self.notes()[self.seen :][:number]
            return notes if len(notes) == number else []

        notes = wait_for(found, 1800)
        self.seen += number
        return [psutil.Process(int(note.name.split()[2])) for note in notes]


@contextlib.contextmanager
def calling(folder: Path, script: str, **environment: str):
    """A shell that runs a script in a folder; yields its process."""
    script = script.replace("grvae repro", f"{shlex.join(GRVAE)} repro")
    process = subprocess.Popen(
        ["bash", "-ec", script], cwd=folder, env=project.ENVIRONMENT | environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def assert_done_by_workers(output: str, here: set[str]) -> None:
    """The caller ran these stages only, and two runs were done elsewhere."""
    assert {stage.split("@")[0] for stage in ran(output)} == here
    assert "2 done, 0 running, 0 waiting, 0 failed" in output


def worker_of(stage: psutil.Process) -> psutil.Process:
    """The Dask worker that runs a stage: the parent of the guard of what started the stage."""
    guard = next(p for p in stage.parents() if any("guard.py" in part for part in p.cmdline()))
    return guard.parent()


def assert_ends(*processes: psutil.Process, seconds: float = 120) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert alive == []


def kill_worker_of(training: psutil.Process) -> None:
    worker_of(training).kill()


SCHEDULER_IS_GONE = (
    "Error: the Dask scheduler is gone; what was finished is kept, run the same command to go on"
)


def survive_kills(
    caller: Project, script, cluster, trainings, trouble, kill_worker=kill_worker_of, **environment
) -> None:
    """Kill the scheduler, the caller and a worker, each with SIGKILL and amid a training.

    The scheduler and the caller are killed while two runs train, of which the last call wants one.
    It loses a worker, and there is other trouble, too.

    Args:
        caller: the project.
        script: gives what the page says to call, for a scheduler's address.
        cluster: starts one, with two workers; gives its address.
        trainings: those of the test.
        trouble: is made during the last call.
        kill_worker: that runs a given training.
        environment: of the caller.
    """
    environment |= {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "10s"}  # else half a minute
    caller.set(seeds=[0, 2])
    trainings.hold()
    with cluster() as address:
        with calling(caller.folder, script(address), **environment) as process:
            both = trainings.next(2, process)
            listener(address).kill()
            output, _ = process.communicate(timeout=600)
        assert process.returncode == 1, output
        assert output.splitlines()[-1] == SCHEDULER_IS_GONE
        assert "Traceback" not in output
        assert_ends(*both)
    with cluster() as address:
        with calling(caller.folder, script(address), **environment) as process:
            both = trainings.next(2, process)
            grvae_of(process).kill()
            process.wait()
        trainings.release()  # what the workers have begun for the dead caller they finish
        assert_ends(*both)
        caller.set(seeds=[0, 1])
        trainings.hold()
        with trouble(), calling(caller.folder, script(address), **environment) as process:
            (training,) = trainings.next(1, process)
            kill_worker(training)
            assert_ends(training)
            trainings.next(1, process)
            trainings.release()
            output, _ = process.communicate(timeout=3600)
        assert process.returncode == 0, output
    assert_done_by_workers(output, here=set())
    assert Counter(trainings.seeds()) == {0: 2, 2: 2, 1: 2}
    assert trainings.seeds()[-2:] == [1, 1]


def grvae_of(shell: subprocess.Popen[str]) -> psutil.Process:
    """The `grvae` that a shell runs, or has become."""
    family = [psutil.Process(shell.pid), *psutil.Process(shell.pid).children(recursive=True)]
    return next(process for process in family if GRVAE[-1] in process.cmdline())


def assert_whole(objects: Iterable[tuple[str, bytes]]) -> None:
    """Every object of a cache is what its name says."""
    hashes = {
        name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in objects
    }
    assert hashes
    assert {name: "".join(name.split("/")[-2:])[:32] for name in hashes} == hashes


def assert_tidy(cache: Path) -> None:
    """A shared cache folder has whole objects, and no fan-out has left anything in it."""
    files = [path for path in cache.rglob("*") if path.is_file()]
    md5 = [path for path in files if path.is_relative_to(cache / "files" / "md5")]
    assert_whole((str(path), path.read_bytes()) for path in md5)
    runs = {path for path in files if path.is_relative_to(cache / "runs")}
    assert set(files) == runs | set(md5)
