"""DVC's side: what is stale, and what is recorded when a stage's command has run elsewhere.

Around a command DVC hashes dependencies, asks the run-cache, and afterwards hashes, caches and
records the outputs. Here the same code of DVC's does that, but dependencies are hashed when the
command starts: what is edited while it runs is not certified as what made the result.
"""

import contextlib
import fcntl
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.exceptions import DvcException
from dvc.lock import make_lock
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph
from dvc.rwlock import rwlock
from dvc.stage import PipelineStage, Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

from fanout.job import Command, FanoutError, Job

# What DVC raises for a project, a disk or a user that is not as it should be.
DVC_ERRORS = (DvcException, OSError, KeyError)
LOGS = "logs"


class Pipeline:
    """The stages that some targets need, in the order in which a plain `dvc repro` runs them.

    Attributes:
        stages: by address.
        needs: the addresses of the stages that each waits for.
        made: the stages that are not in dvc.lock yet.
    """

    def __init__(self, repo: Repo, targets: Sequence[str]) -> None:
        self.repo, self.root = repo, Path(repo.root_dir)
        self.made: list[Stage] = []
        self.busy: dict[str, contextlib.ExitStack] = {}
        with lock_repo(repo):
            self.graph = get_active_graph(repo.index.graph)
            planned = post_order(self.graph, collect_stages(repo, targets))
        self.stages = {stage.addressing: stage for stage in planned}
        self.needs = {
            name: {needed.addressing for needed in self.graph.successors(stage)}
            for name, stage in self.stages.items()
        }

    def stale(self) -> tuple[list[str], list[str]]:
        """The stages that have changed, and those that need one of them and may change, too."""
        changed: list[str] = []
        downstream: list[str] = []
        with lock_repo(self.repo):
            for name, stage in self.stages.items():
                if stage.changed():
                    changed.append(name)
                elif self.needs[name] & {*changed, *downstream}:
                    downstream.append(name)
        return changed, downstream

    def begin(self, name: str) -> Job | str:
        """Prepare a stage: its job, or what became of it without one."""
        stage = self.stages[name]
        with lock_repo(self.repo), self.repo.scm_context(quiet=True):
            if stage.frozen or not stage.cmd:  # or data, or an import
                if stage.reproduce() is None:
                    return "unchanged"
                if isinstance(stage, PipelineStage):
                    self.made.append(stage)
                else:
                    stage.dump()
                return "verified"
            if not stage.changed():
                return "unchanged"
            stage.remove_outs()  # else a write through a linked output would spoil the cache
            try:
                self.repo.stage_cache.restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                self.hold(stage)
                return self.job(stage)
            self.record(stage)
        return "cached"

    def hold(self, stage: Stage) -> None:
        """Have another `dvc` refuse to touch the outputs until `release`."""
        held = self.busy[stage.addressing] = contextlib.ExitStack()
        repo, outs = self.repo, [out.fs_path for out in stage.outs]
        hardlink = repo.config["core"].get("hardlink_lock", False)
        held.enter_context(rwlock(repo.tmp_dir, repo.fs, " ".join(sys.argv), [], outs, hardlink))

    def job(self, stage: Stage) -> Job:
        """The job that runs a stage's commands."""
        shell = get_executable()
        log = re.sub(r"[^\w@.-]+", "-", stage.addressing)
        outputs = [Path(out.fs_path) for out in stage.outs]
        return Job(
            stage.addressing,
            [Command(text, _make_cmd(shell, text)) for text in _enforce_cmd_list(stage.cmd)],
            Path(stage.wdir),
            self.root,
            [
                *(Path(dep.fs_path) for dep in stage.deps if dep.protocol == "local"),
                *(Path(out.fs_path) for out in stage.outs if out.persist),
            ],
            outputs,
            self.root / LOGS / f"{log}.log",
        )

    def end(self, name: str, problem: str | None) -> None:
        """Record what a stage has made, if it has made it."""
        stage = self.stages[name]
        with lock_repo(self.repo), self.repo.scm_context(quiet=True), self.busy.pop(name):
            if problem is None:
                self.record(stage)

    def record(self, stage: Stage) -> None:
        """As `Stage.run` after the command, but for the dependencies: those are as it began."""
        stage.save_outs()
        stage.md5 = stage.compute_md5()
        if all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs):
            self.repo.stage_cache.save(stage)
        stage.commit()
        self.made.append(stage)

    def write_locks(self) -> None:
        """Bring every dvc.lock up to date, independent of what was run before.

        Its entries are those of the pipeline, in the order in which a plain `dvc repro` without a
        lock writes them. The file is replaced at once, so that a kill leaves a whole one.
        """
        with lock_repo(self.repo), self.repo.scm_context(quiet=True):
            for dvcfile in {
                s.dvcfile for s in self.stages.values() if isinstance(s, PipelineStage)
            }:
                ours = [stage for stage in self.graph if stage.path == dvcfile.path]
                order = [s.name for s in post_order(self.graph, ours) if s.path == dvcfile.path]
                made = [stage for stage in self.made if stage.path == dvcfile.path]
                lock = Path(dvcfile._lockfile.path)
                if rewrite_lock(lock, order, made):
                    self.repo.scm_context.track_file(dvcfile._lockfile.relpath)
        self.made.clear()


def post_order(graph: nx.DiGraph, stages: Iterable[Stage]) -> list[Stage]:
    """Stages and all that they need, in DVC's order, which does not depend on a set's."""
    wanted = set(stages)
    wanted.update(*(nx.descendants(graph, stage) for stage in stages))
    graph = graph.copy()
    graph.remove_nodes_from([stage for stage in graph if stage not in wanted])
    return list(nx.dfs_postorder_nodes(graph))


def rewrite_lock(lock: Path, order: Sequence[str], made: Sequence[PipelineStage]) -> bool:
    """Add entries to a dvc.lock, drop those of no stage, and put all in order; False if it was."""
    text = lock.read_text() if lock.exists() else ""
    names = re.findall(r"^  (\S.*):$", text, re.MULTILINE)
    if not made and names == [name for name in order if name in names]:
        return False
    data: dict[str, Any] = parse_yaml_for_update(text, str(lock)) or {"schema": "2.0"}
    stages = data.get("stages") or {}
    for stage in made:
        stages.update(to_lockfile(stage))
    data["stages"] = {name: stages[name] for name in order if name in stages}
    changed = dumps_yaml(data)
    if changed == text:
        return False
    new = lock.with_name(f".{lock.name}.tmp")
    new.write_text(changed)
    new.replace(lock)
    return True


@contextlib.contextmanager
def open_pipeline(targets: Sequence[str]) -> Iterator[Pipeline]:
    """The pipeline of the DVC project in this folder; one caller at a time.

    Raises:
        FanoutError: there is none, another caller has it, or DVC cannot read it.
    """
    logging.getLogger("dvc").setLevel(logging.ERROR)
    with quoted():
        tmp = Path(Repo.find_root()) / ".dvc" / "tmp"
        tmp.mkdir(parents=True, exist_ok=True)
        file = (tmp / "fanout.lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FanoutError(f"another call is at work in {tmp.parent.parent}") from error
        with quoted():
            drop_torn_rwlock(tmp)
            repo = Repo(_wait_for_lock=True)
        with repo:
            try:
                pipeline = Pipeline(repo, targets)
                torn = [lock for lock in locks(pipeline) if is_torn(lock)]
            except DvcException as error:
                lock = Path(getattr(error, "path", "") or "")
                if lock.name != "dvc.lock" or not is_torn(lock):
                    raise FanoutError(quote(error)) from error
                torn = [lock]
            if torn:
                for lock in torn:
                    restore(lock, tmp)
                with quoted():
                    pipeline = Pipeline(repo, targets)
            yield pipeline


@contextlib.contextmanager
def quoted() -> Iterator[None]:
    """Turn what DVC raises into one line."""
    try:
        yield
    except DVC_ERRORS as error:
        raise FanoutError(quote(error)) from error


def quote(error: BaseException) -> str:
    """What an error and the first of its causes say, on one line."""
    said = [str(error)]
    while cause := error.__cause__ or getattr(error, "exc", None):
        error = cause
    if str(error) not in said[0]:
        said.append(str(error))
    return " ".join(": ".join(said).split())


def drop_torn_rwlock(tmp: Path) -> None:
    """Drop DVC's list of who reads and writes what now, if a kill has left it half-written."""
    file = tmp / "rwlock"
    with make_lock(str(tmp / "rwlock.lock"), tmp_dir=str(tmp)):
        try:
            json.loads(file.read_text() if file.exists() else "{}")
        except ValueError:
            file.unlink()


def locks(pipeline: Pipeline) -> set[Path]:
    """Every dvc.lock that the pipeline is recorded in."""
    files = {s.dvcfile for s in pipeline.stages.values() if isinstance(s, PipelineStage)}
    return {path for file in files if (path := Path(file._lockfile.path)).exists()}


def is_torn(lock: Path) -> bool:
    """Whether a dvc.lock ends in the middle of an entry, as a kill of `dvc repro` may leave it.

    DVC writes the size of every file after its hash. A merge conflict is a person's business.
    """
    text = lock.read_text()
    if not text or re.search("^[<=>]{7}", text, re.MULTILINE):
        return False
    last = re.split(r"^ *- ", text, flags=re.MULTILINE)[-1]
    cut = "md5: " in last and ("size: " not in last or (".dir" in last and "nfiles: " not in last))
    return not text.endswith("\n") or last.startswith("path: ") and "md5: " not in last or cut


def restore(lock: Path, tmp: Path) -> None:
    """Put the committed dvc.lock in the place of a torn one, which is kept.

    Raises:
        FanoutError: git has none, or a torn one.
    """
    command = ["git", "show", f"HEAD:./{lock.name}"]
    committed = subprocess.run(command, cwd=lock.parent, capture_output=True)
    if committed.returncode:
        raise FanoutError(
            f"{lock} was left half-written by a kill, and git has no other: without it, all stages "
            "are made again or come from the run-cache"
        )
    kept = tmp / "dvc.lock.torn"
    kept.write_bytes(lock.read_bytes())
    lock.write_bytes(committed.stdout)
    print(f"{lock} was left half-written by a kill; git's is back, the other is kept in {kept}.")
