"""DVC's side: what is stale, and what is recorded when a stage's commands have run elsewhere.

Around the commands DVC hashes dependencies, asks the run-cache, and afterwards hashes, caches and
records the outputs. Here the same code of DVC's does that, but dependencies are hashed when the
commands start: what is edited while they run is not certified as what made the result.
"""

import contextlib
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import networkx as nx
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph
from dvc.rwlock import rwlock
from dvc.stage import PipelineStage, Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable

from fanout.job import FanoutError, Job
from fanout.lock import mend, mend_rwlock, only_caller, rewrite

# What DVC raises for a project, a disk or a user (KeyError: one without a name) that is not as it
# should be.
DVC_ERRORS = (DvcException, OSError, KeyError)
LOGS = "logs"


class Pipeline:
    """The stages that some targets need, in the order in which a plain `dvc repro` runs them.

    Attributes:
        stages: by address.
        needs: the addresses of the stages that each waits for.
        made: the stages that dvc.lock has not yet.
    """

    def __init__(self, repo: Repo, targets: Sequence[str]) -> None:
        self.repo, self.root = repo, Path(repo.root_dir)
        self.made: list[Stage] = []
        self.held: dict[str, contextlib.ExitStack] = {}
        with lock_repo(repo):
            self.graph = get_active_graph(repo.index.graph)
            planned = post_order(self.graph, collect_stages(repo, targets))
        self.stages = {stage.addressing: stage for stage in planned}
        self.needs = {
            name: {needed.addressing for needed in self.graph.successors(stage)}
            for name, stage in self.stages.items()
        }

    def remove_dropped(self) -> None:
        """Remove what rows have made that the pipeline no longer has, as `dvc exp run` does.

        Else a dependency on the folder that they lie in would depend on history. Only what is as
        it was recorded goes, and only where DVC's cache keeps it.
        """
        with lock_repo(self.repo):
            for out in self.dropped_outs():
                if out.exists and not out.changed_cache() and not out.changed_checksum():
                    out.remove()
                    with contextlib.suppress(OSError):  # up to a folder with more in it
                        for folder in Path(out.fs_path).parents:
                            folder.rmdir()

    def dropped_outs(self) -> Iterator[Output]:
        """The outputs that dvc.lock names and no stage of the pipeline makes."""
        made = {out.fs_path for stage in self.graph for out in stage.outs}
        for file in {s.dvcfile for s in self.stages.values() if isinstance(s, PipelineStage)}:
            named = {stage.name for stage in self.graph if stage.path == file.path}
            entries = file.lockfile_contents.get("stages", {})
            for name in [name for name in entries if name not in named]:
                stage = PipelineStage(self.repo, file.path, name=name)
                outs = [
                    Output(stage, o["path"], info=dict(o)) for o in entries[name].get("outs", ())
                ]
                yield from (out for out in outs if out.fs_path not in made)

    def stale(self) -> tuple[list[str], list[str]]:
        """The stages that have changed, and those that may change because they need one of them."""
        changed: list[str] = []
        following: list[str] = []
        with lock_repo(self.repo):
            for name, stage in self.stages.items():
                if stage.changed():
                    changed.append(name)
                elif self.needs[name] & {*changed, *following}:
                    following.append(name)
        return changed, following

    def begin(self, name: str) -> Job | str:
        """Prepare a stage to run; gives its job, or what became of it without one."""
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
        return "from the run-cache"

    def hold(self, stage: Stage) -> None:
        """Have any other `dvc` refuse to touch a stage's outputs until its end."""
        held = self.held[stage.addressing] = contextlib.ExitStack()
        repo, outs = self.repo, [out.fs_path for out in stage.outs]
        hardlink = repo.config["core"].get("hardlink_lock", False)
        held.enter_context(rwlock(repo.tmp_dir, repo.fs, " ".join(sys.argv), [], outs, hardlink))

    def job(self, stage: Stage) -> Job:
        """What a worker needs to know of a stage."""
        log = re.sub(r"[^\w@.-]+", "-", stage.addressing)
        read = [dep for dep in stage.deps if dep.protocol == "local"]
        read += [out for out in stage.outs if out.persist]
        return Job(
            stage.addressing,
            _enforce_cmd_list(stage.cmd),
            _make_cmd(get_executable(), "")[:-1],
            Path(stage.wdir),
            self.root,
            [Path(item.fs_path) for item in read],
            [Path(out.fs_path) for out in stage.outs],
            self.root / LOGS / f"{log}.log",
        )

    def end(self, name: str, problem: str | None) -> None:
        """Record what a stage has made, if it has made it."""
        with lock_repo(self.repo), self.repo.scm_context(quiet=True), self.held.pop(name):
            if problem is None:
                self.record(self.stages[name])

    def record(self, stage: Stage) -> None:
        """As `Stage.run` after the commands, but for the dependencies: those are as they began."""
        stage.save_outs()
        stage.md5 = stage.compute_md5()
        stage_is_kept = all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs)
        if stage_is_kept:
            self.repo.stage_cache.save(stage)
        stage.commit()
        self.made.append(stage)
        if not stage_is_kept:  # after a kill only the lock would have it
            self.write_locks()

    def write_locks(self) -> None:
        """Bring every dvc.lock up to date: the pipeline's stages and no others, in DVC's order."""
        files = {s.dvcfile for s in self.stages.values() if isinstance(s, PipelineStage)}
        with lock_repo(self.repo), self.repo.scm_context(quiet=True):
            for file in files:
                ours = [stage for stage in self.graph if stage.path == file.path]
                order = [s.name for s in post_order(self.graph, ours) if s.path == file.path]
                made = [stage for stage in self.made if stage.path == file.path]
                if rewrite(Path(file._lockfile.path), order, made):
                    self.repo.scm_context.track_file(file._lockfile.relpath)
        self.made.clear()


def post_order(graph: nx.DiGraph, stages: Iterable[Stage]) -> list[Stage]:
    """Stages and all that they need, in the order of a plain `dvc repro`.

    DVC's own function goes by a set, and so by chance, where stages are few of the project's.
    """
    wanted = set(stages).union(*(nx.descendants(graph, stage) for stage in stages))
    graph = graph.copy()
    graph.remove_nodes_from([stage for stage in graph if stage not in wanted])
    return list(nx.dfs_postorder_nodes(graph))


@contextlib.contextmanager
def open_pipeline(targets: Sequence[str]) -> Iterator[Pipeline]:
    """The pipeline of the DVC project that this folder is in; for one caller at a time.

    Raises:
        FanoutError: there is none, another caller has it, or DVC cannot read it.
    """
    logging.getLogger("dvc").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        try:
            tmp = Path(Repo.find_root()) / ".dvc" / "tmp"
            tmp.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_caller(tmp))
            mend_rwlock(tmp)
            for target in targets:
                mend(Path(target.partition(":")[0]).with_name("dvc.lock"), tmp)
            repo = stack.enter_context(Repo(_wait_for_lock=True))
            pipeline = Pipeline(repo, targets)
        except DVC_ERRORS as error:
            raise FanoutError(quote(error)) from error
        yield pipeline


def quote(error: BaseException) -> str:
    """What an error and the first of its causes say, on one line."""
    said = [str(error)]
    while cause := error.__cause__ or getattr(error, "exc", None):
        error = cause
    if str(error) not in said[0]:
        said.append(str(error))
    return " ".join(": ".join(said).split())
