"""Kill the pipeline with SIGKILL at random moments; what runs next must lose and alter nothing.

Before each kill some stages are forgotten, as if they had never run: their records, their outputs,
and what DVC's cache and run-cache hold of them. So the kill hits these, and what comes after must
compute them anew instead of copying them. In the end all must be as after the undisturbed run:
`dvc.lock`, every byte of every output, and every object in DVC's cache.

- `dvc repro`, every stage in turn, at a moment drawn evenly from the time that it takes. It dies
  with its command, as in a power cut, or, where a coin says so, the command dies alone, as from a
  lack of memory. Then a plain `dvc repro` runs.
- A worker of `grvae repro`, while it runs a row of the matrix. That command itself must go on.
- The scheduler of a cluster that `grvae repro` uses. That command must end with code 1; then
  `grvae repro` runs without the cluster, whose workers may still be at work.
"""

import contextlib
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psutil
from ruamel.yaml import YAML

from fanout.mend import mend
from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_json, save_json
from tests.project import Project

DVC_REPRO = ("dvc", "repro")
GRVAE_REPRO = (sys.executable, "-m", "grvae.use.cli", "repro")
DASK = (sys.executable, "-m", "dask")
ROW = ("train@routed-0", "evaluate@routed-0")
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 600
MOST = 0.8  # of the time that a row takes: a later kill would often find it done

# The usual `python` and `dvc`, as whoever types the commands has them.
ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "DVC_NO_ANALYTICS": "1",
}


@click.command(cls=StageCommand)
@click.option("--kills", type=click.IntRange(min=0), default=50, help="Of `dvc repro`.")
@click.option("--workers", type=click.IntRange(min=0), default=5, help="Dask workers to kill.")
@click.option("--schedulers", type=click.IntRange(min=0), default=3, help="And schedulers.")
@click.option("--seed", type=int, default=0)
@paths("out")
def faults(kills: int, workers: int, schedulers: int, seed: int, out: Path) -> None:
    """Kill the pipeline at random moments and check what the next run makes of it."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), random.Random(seed))
        results = {
            "dvc_repro": trial.repeat(kills, kill_dvc, DVC_REPRO),
            "dask_worker": trial.repeat(workers, kill_worker, DVC_REPRO),
            "dask_scheduler": trial.repeat(schedulers, kill_scheduler, (*GRVAE_REPRO, "-j", "1")),
        }
    save_json(out, results)
    if any(result["identical"] < result["kills"] for result in results.values()):
        raise SystemExit(1)


@dataclass(frozen=True)
class Kill:
    """What was hit, and when.

    Attributes:
        victim: what was killed.
        stage: whose turn it was.
        moment: where in its turn.
        as_expected: whether the command that lost the victim ended as it should.
    """

    victim: str
    stage: str
    moment: str
    as_expected: bool


class Trial:
    """A small copy of the project on which everything has run once, undisturbed."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.project, self.spare = Project(folder / "project"), folder / "spare"
        self.folder = self.project.folder
        self.project.run(*DVC_REPRO)
        self.project.commit()
        self.expected = state(self.folder)
        self.stages = list(self.expected["lock"]["stages"])
        self.started: list[psutil.Popen] = []
        self.durations: dict[tuple[str, ...], float] = {}
        shutil.copytree(self.folder, self.spare, symlinks=True)

    def repeat(
        self, count: int, attempt: Callable[["Trial", int], Kill | None], recovery: Sequence[str]
    ) -> dict[str, Any]:
        """Kill so many times, each time run the recovery, and count what came of it."""
        hits: list[Kill] = []
        mended: Counter[str] = Counter()
        misses = identical = 0
        while len(hits) < count:
            hit = attempt(self, len(hits))
            if hit is None:
                misses += 1
                continue
            hits.append(hit)
            torn = [str(record) for record in mend(self.folder)]
            mended.update(torn)
            same = hit.as_expected and self.recovers(recovery)
            self.wait_for_all()
            identical += same
            click.echo(
                f"{len(hits)}: {hit.victim}, {hit.stage}, {hit.moment}: "
                f"{'same' if same else 'OTHER'}{', mended ' if torn else ''}{', '.join(torn)}"
            )
        return {
            "kills": count,
            "identical": identical,
            "ended_before_the_kill": misses,
            "mended": dict(mended),
            "by_victim": dict(Counter(hit.victim for hit in hits)),
            "by_stage": dict(Counter(hit.stage.split("@")[0] for hit in hits)),
            "by_moment": dict(Counter(hit.moment for hit in hits)),
        }

    def recovers(self, command: Sequence[str]) -> bool:
        """Run a command; whether all is then as after the undisturbed run. If not, start afresh."""
        result = subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True
        )
        if result.returncode == 0 and state(self.folder) == self.expected:
            return True
        click.echo(result.stdout + result.stderr)
        shutil.rmtree(self.folder)
        shutil.copytree(self.spare, self.folder, symlinks=True)
        return False

    def duration(self, stages: Sequence[str], command: Sequence[str]) -> float:
        """Seconds that a command takes for forgotten stages if nobody disturbs it."""
        key = (*stages, *command)
        if key not in self.durations:
            forget(self.folder, stages)
            start = time.monotonic()
            if not self.recovers(command):
                raise click.ClickException(f"{' '.join(command)} fails even if left alone")
            self.durations[key] = time.monotonic() - start
        return self.durations[key]

    def start(self, *command: str) -> psutil.Popen:
        """Start a command quietly, in a process group of its own."""
        process = psutil.Popen(
            command, cwd=self.folder, env=ENVIRONMENT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.started.append(process)
        return process

    def wait_for_all(self) -> None:
        """Let all that was started end; a cluster without its scheduler does so by itself."""
        _, alive = psutil.wait_procs(self.started, timeout=PATIENCE_SECONDS)
        if alive:
            raise click.ClickException(f"still alive: {alive}")
        self.started.clear()


def kill_dvc(trial: Trial, number: int) -> Kill | None:
    """Kill `dvc repro` and its command, or the command alone; None where it ended before."""
    kinds = list(dict.fromkeys(stage.split("@")[0] for stage in trial.stages))
    kind = kinds[number % len(kinds)]
    ours = [stage for stage in trial.stages if stage.split("@")[0] == kind]
    seconds = trial.duration(ours[:1], DVC_REPRO)
    stage, coin = trial.chance.choice(ours), trial.chance.random() < 0.5
    forget(trial.folder, [stage])
    process = trial.start(*DVC_REPRO)
    until = time.monotonic() + trial.chance.uniform(0, seconds)
    moment = "before its command"
    while process.poll() is None and time.monotonic() < until:
        if stage_commands(process):
            moment = "in its command"
        elif moment == "in its command":
            moment = "after its command"
        time.sleep(LOOK_SECONDS)
    if process.poll() is not None:
        return None
    family = children(process, recursive=True)
    if moment == "in its command" and family and coin:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        code = process.wait(PATIENCE_SECONDS)
        return Kill("the command", stage, moment, code > 0) if code != 0 else None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    return Kill("dvc and its command" if family else "dvc", stage, moment, not alive)


def kill_worker(trial: Trial, _: int) -> Kill | None:
    """Kill the worker of `grvae repro` that runs the row; None where the row had ended before."""
    seconds = trial.duration(ROW, DVC_REPRO)
    forget(trial.folder, ROW)
    caller = trial.start(*GRVAE_REPRO, "-j", "2")
    worker = wait_for_worker(caller)
    time.sleep(trial.chance.uniform(0, MOST * seconds))
    place = place_in_row(worker)
    if place is not None:
        worker.kill()
    ended_well = caller.wait(PATIENCE_SECONDS) == 0
    return Kill("worker", *place, ended_well) if place else None


def kill_scheduler(trial: Trial, _: int) -> Kill | None:
    """Kill the scheduler while a worker runs the row; None where the row had ended before."""
    seconds = trial.duration(ROW, DVC_REPRO)
    forget(trial.folder, ROW)
    file = trial.folder.parent / "scheduler.json"
    file.unlink(missing_ok=True)
    shared = ("--scheduler-file", str(file), "--no-dashboard")
    scheduler = trial.start(*DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", *shared)
    workers = ("--nworkers", "2", "--nthreads", "1", "--local-directory", str(file.parent))
    nannies = trial.start(*DASK, "worker", *shared, *workers)
    wait_for(file.exists)
    caller = trial.start(*GRVAE_REPRO, "--scheduler", load_json(file)["address"])
    worker = wait_for_worker(nannies)
    time.sleep(trial.chance.uniform(0, MOST * seconds))
    place = place_in_row(worker)
    if place is None:
        caller.wait(PATIENCE_SECONDS)
    scheduler.kill()
    ended_as_it_should = caller.wait(PATIENCE_SECONDS) == 1
    return Kill("scheduler", *place, ended_as_it_should) if place else None


def wait_for(found: Callable[[], Any]) -> Any:
    """What a function finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()):
        if time.monotonic() > deadline:
            raise click.ClickException("what should start did not")
        time.sleep(LOOK_SECONDS)
    return value


def wait_for_worker(parent: psutil.Process) -> psutil.Process:
    """The Dask worker that has begun the row: the child of the given process that has a guard."""

    def find() -> psutil.Process | None:
        return next((child for child in children(parent) if has_guard(child)), None)

    worker: psutil.Process = wait_for(find)
    return worker


def children(process: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
    """What a process has started; nothing if it has ended."""
    try:
        return process.children(recursive)
    except psutil.NoSuchProcess:
        return []


def has_guard(worker: psutil.Process) -> bool:
    """Whether a worker runs a unit: see `fanout.guard`. It guards a Python that waits, too."""
    lines = [command_line(child) for child in children(worker)]
    return any("guard.py" in line and " -m dvc " in line for line in lines)


def command_line(process: psutil.Process) -> str:
    """What a process runs; nothing if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def stage_commands(process: psutil.Process) -> list[psutil.Process]:
    """The processes of the stage that runs below a process: a shell, perhaps, and its Python.

    That Python may be one that asks another for a copy of itself: see `fanout.warm`.
    """
    below = children(process, recursive=True)
    return [child for child in below if " -m stages." in command_line(child)]


def place_in_row(worker: psutil.Process) -> tuple[str, str] | None:
    """Which stage a worker is at, and where in it; None where it runs none of the row."""
    if not has_guard(worker):
        return None
    for command in stage_commands(worker):
        if match := re.search(r"-m stages\.(\w+)", command_line(command)):
            return match[1], "in its command"
    return "none", "between commands"


def forget(folder: Path, stages: Sequence[str]) -> None:
    """Leave no trace of stages: no record, no output, and nothing in DVC's cache or run-cache."""
    cache = folder / ".dvc" / "cache"
    yaml = YAML()
    lock = yaml.load(folder / "dvc.lock")
    for stage in stages:
        for out in lock["stages"].pop(stage)["outs"]:
            path, cached = folder / out["path"], object_file(cache, out["md5"])
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            if out["md5"].endswith(".dir"):
                for member in load_json(cached):
                    object_file(cache, member["md5"]).unlink(missing_ok=True)
            cached.unlink(missing_ok=True)  # some outputs go to git instead
    yaml.dump(lock, folder / "dvc.lock")
    shutil.rmtree(cache / "runs", ignore_errors=True)


def object_file(cache: Path, md5: str) -> Path:
    """Where DVC's cache keeps an object."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def state(folder: Path) -> dict[str, Any]:
    """All that has to be the same: dvc.lock, the outputs and the objects in DVC's cache."""
    lock = YAML(typ="safe").load(folder / "dvc.lock")  # not as bytes: entries may change places
    outputs = [folder / out["path"] for stage in lock["stages"].values() for out in stage["outs"]]
    files = [file for path in outputs for file in (path, *path.rglob("*")) if file.is_file()]
    objects = (folder / ".dvc" / "cache" / "files" / "md5").glob("*/*")
    return {
        "lock": lock,
        "outputs": {str(file.relative_to(folder)): digest(file, "sha256") for file in files},
        "objects": {path.parent.name + path.name: digest(path, "md5") for path in objects},
    }


def digest(file: Path, algorithm: str) -> str:
    """The hash of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


if __name__ == "__main__":
    faults()
