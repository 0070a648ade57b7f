"""Accept the results that DVC has as those of the present code, after a rerun of a sample of them.

Runs are reproducible to the bit, so a refactoring need not cost every run again. Of the stages that
are stale by their code alone (see changes.py), some rows of each matrix, drawn at random, and every
single stage are made anew in a copy of the project. If not one bit of their outputs differs, the
hashes of the present code go to dvc.lock. No other file of the project is written.

A sample cannot show that no row has changed: a change that touches k of m rows escapes n of them
with a probability of about (1 - k/m)^n. Rows that differ in what has changed, in a parameter that
only some of them have say, are sampled apart. And what cannot be made anew, as DVC's cache lacks an
input that no rerun makes, is taken on trust, and named.
"""

import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import click
from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.output import Output
from dvc.repo import Repo
from dvc.scm import SCM
from dvc.stage import PipelineStage
from ruamel.yaml import YAML

from fanout.hidden import hidden_by
from fanout.pipeline import ancestors
from fanout.snapshot import take_snapshot, unpack
from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError
from tools.changes import Changes, find_changes, producers

Stages = Mapping[str, PipelineStage]


@contextmanager
def enter_copy(project: Repo, targets: Sequence[str]) -> Iterator[Repo]:
    """Work in a copy of all that git tracks or would track; it shares the cache.

    No pipeline that is asked for is hidden there.
    """
    with tempfile.TemporaryDirectory(prefix="accept-") as scratch:
        folder = Path(scratch).resolve() / "project"
        unpack(take_snapshot(Path(project.root_dir)).archive, folder)
        for target in targets:
            if ignore := hidden_by(folder, target.partition(":")[0]):
                ignore.unlink()
        # A link that a stage writes to would spoil the cache.
        config = {
            "cache": {"dir": project.cache.local_cache_dir, "type": ["reflink", "copy"]},
            "core": {"site_cache_dir": f"{scratch}/site"},
        }
        no_git = SCM(str(folder), no_scm=True)
        with chdir(folder), Repo(str(folder), config=config, scm=no_git) as copy:
            yield copy


def collect_stages(repo: Repo, targets: Sequence[str]) -> Stages:
    """What is asked for and all that it depends on, each stage after what it depends on.

    Args:
        repo: of the stages.
        targets: pipelines, `dvc.yaml`, or all rows of one of their stages, `dvc.yaml:evaluate`.
    """
    nodes = repo.index.graph
    stages = {stage.addressing: stage for stage in nodes}
    graph = {name: [s.addressing for s in nodes.successors(stages[name])] for name in stages}
    wanted: set[str] = set()
    for target in targets:
        file, _, asked = target.partition(":")
        path = str(Path(file).absolute())
        own = {name for name, stage in stages.items() if stage.path == path}
        if not own:
            raise GrvaeError(f"{file}: no pipeline of this project")
        if asked:
            rows = {name for name in own if matrix_of(stages[name].name) == asked}
            if not rows:
                allowed = ", ".join(sorted({matrix_of(stages[name].name) for name in own}))
                raise GrvaeError(f"{file}: got stage {asked!r}, allowed: {allowed}")
            own = rows
        wanted |= own.union(*(ancestors(graph, name) for name in own))
    return {
        name: stages[name] for name in TopologicalSorter(graph).static_order() if name in wanted
    }


def find_stale(stages: Stages, project: Repo) -> dict[str, Changes]:
    """What has changed of each stage of which anything has.

    Raises:
        GrvaeError: something has changed that a sample cannot speak for; each is printed.
    """
    locks = {lock: YAML(typ="safe").load(lock) for lock in lock_files(stages) if lock.exists()}
    stale: dict[str, Changes] = {}
    refused: dict[str, list[str]] = {}
    for name, stage in stages.items():
        entries = locks.get(lock_file(stage), {}).get("stages", {})
        changes = find_changes(stage, entries.get(stage.name, {}), project) if stage.cmd else None
        if changes and changes != Changes():
            stale[name] = changes
            for text in sorted(changes.refused):
                refused.setdefault(text, []).append(name)
    for text, names in refused.items():
        click.echo(f"{text} ({in_words(names)})", err=True)
    if refused:
        raise GrvaeError("more than code has changed, so nothing is accepted: run dvc repro")
    return stale


def lock_file(stage: PipelineStage) -> Path:
    """Where DVC keeps what the stage was run with, from the project's root."""
    return Path(os.path.relpath(stage.path)).with_suffix(".lock")


def lock_files(stages: Stages) -> set[Path]:
    """Those of all stages."""
    return {lock_file(stage) for stage in stages.values() if stage.cmd}


def draw(
    stale: Mapping[str, Changes], rows: int, exclude: Sequence[str], choice: random.Random
) -> set[str]:
    """Of each matrix and each kind of change, as many rows; of all matrices the same, if they can.

    Raises:
        GrvaeError: `exclude` leaves none of some kind.
    """
    kinds: dict[object, list[str]] = {}
    for name, changes in stale.items():
        if "@" in name:
            kinds.setdefault((matrix_of(name), changes.kind), []).append(name)
    ranks = sorted({row_of(name) for names in kinds.values() for name in names})
    choice.shuffle(ranks)
    drawn: set[str] = set()
    for names in kinds.values():
        left = [name for name in names if not is_excluded(name, exclude)]
        if not left:
            raise GrvaeError(f"--exclude leaves nothing to draw from {in_words(names)}")
        drawn.update(sorted(left, key=lambda name: ranks.index(row_of(name)))[:rows])
    return drawn


def matrix_of(name: str) -> str:
    """The stage of a matrix, or foreach, without its row."""
    return name.partition("@")[0]


def row_of(name: str) -> str:
    """The row of a stage of a matrix, or foreach."""
    return name.partition("@")[2]


def is_excluded(name: str, exclude: Sequence[str]) -> bool:
    """Whether a pattern is that of a stage of a matrix, or of its row."""
    return any(fnmatch(name, glob) or fnmatch(row_of(name), glob) for glob in exclude)


def plan(stages: Stages, stale: Collection[str], due: Collection[str]) -> list[str]:
    """What to make anew, in order: what is due and can be, and what that needs.

    A row needs what is stale or not at hand. A single stage has only what is due anew, and else
    what is at hand: it may gather a hundred rows.
    """

    @cache
    def needed_by(name: str) -> frozenset[str]:
        """With the stage itself; empty if it cannot be made anew."""
        stage, found = stages[name], {name}
        if not stage.cmd:
            return frozenset()
        for dep in stage.deps:
            made = producers(stage.repo, dep.fs_path)
            if not made and not dep.exists:
                return frozenset()
            for out in made:
                source = out.stage.addressing
                is_free = "@" in name or "@" not in source
                anew = needed_by(source) if source in due or is_free else frozenset()
                is_wanted = source in due or ("@" in name and source in stale)
                if not (anew and is_wanted) and is_at_hand(out):
                    continue
                if not anew:
                    return frozenset()
                found |= anew
        return frozenset(found)

    anew = {name for stage in due for name in needed_by(stage)}
    return [name for name in stages if name in anew]


@cache
def is_at_hand(out: Output) -> bool:
    """Whether DVC's cache has the output, or git, for those that are not cached."""
    if out.use_cache:
        return not out.changed_cache()
    return out.exists and not out.changed_checksum()


def make_anew(stage: PipelineStage, anew: Collection[str]) -> list[str]:
    """Run a stage; returns the names of those outputs that are not as they were.

    Raises:
        GrvaeError: it failed.
    """
    for dep in stage.deps:
        for out in producers(stage.repo, dep.fs_path):
            if out.use_cache and out.stage.addressing not in anew:
                out.checkout(force=True)
    for out in stage.outs:
        out.remove()
    python = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{python}{os.pathsep}{os.environ['PATH']}"}
    for command in stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines():
        result = subprocess.run(
            command, shell=True, cwd=stage.wdir, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if result.returncode != 0:
            last = (result.stdout.strip().splitlines() or ["no message"])[-1]
            raise GrvaeError(f"{stage.addressing} failed, so nothing is accepted: {last}")
    return [out.def_path for out in stage.outs if not out.exists or out.changed_checksum()]


def in_words(names: Collection[str]) -> str:
    """Stages by name, if a matrix has more than one, by their number."""
    rows = Counter(matrix_of(name) for name in names)
    first = {matrix_of(name): name for name in names}
    return ", ".join(first[m] if n == 1 else f"{n} of {m}" for m, n in rows.items())


def write_locks(stages: Stages, stale: Mapping[str, Changes], project: Repo) -> None:
    """Write what the stages are now run with to dvc.lock, first of the copy, then of the project.

    Raises:
        GrvaeError: the project's has changed since it was copied.
    """
    root = Path(project.root_dir)
    with project.lock:
        changed = lock_files({name: stages[name] for name in stale})
        for lock in sorted(changed):
            if (root / lock).read_bytes() != lock.read_bytes():
                raise GrvaeError(f"{lock} has changed meanwhile, so nothing is accepted")
        for name in stale:
            for dep in stages[name].deps:
                if isinstance(dep, ParamsDependency) or dep.def_path in stale[name].code:
                    dep.update_legacy_hash_name(force=True)  # else DVC tries its old hash first
                    dep.save()
        for lock in sorted(changed):
            own = [stages[name] for name in stale if lock_file(stages[name]) == lock]
            own[0].dvcfile.dump_stages(own, update_pipeline=False)
            (root / lock).write_bytes(lock.read_bytes())


def accept(targets: Sequence[str], rows: int, exclude: Sequence[str], seed: int | None) -> None:
    """Make a sample anew and, if it is the same, take all results as the present code's."""
    with Repo() as project, enter_copy(project, targets) as copy:
        stages = collect_stages(copy, targets)
        stale = find_stale(stages, project)
        if not stale:
            click.echo("Nothing is stale.")
            return
        code = sorted(set().union(*(changes.code for changes in stale.values())))
        click.echo(f"Stale: {in_words(stale)}\n  by {', '.join(code) or 'parameters only'}")
        for text in sorted(set().union(*(changes.params for changes in stale.values()))):
            click.echo(f"  {text}: the sample speaks for it")
        if excluded := [name for name in stale if "@" in name and is_excluded(name, exclude)]:
            click.echo(f"Left out of the draw: {in_words(excluded)}")

        choice = random.SystemRandom() if seed is None else random.Random(seed)
        drawn = draw(stale, rows, exclude, choice)
        due = [name for name in stale if "@" not in name or name in drawn]
        anew = plan(stages, stale, due)
        click.echo(f"Made anew: {len(anew)} of {len(stages)} stages")
        for name in anew:
            start = time.monotonic()
            if differing := make_anew(stages[name], anew):
                outputs = ", ".join(differing)
                raise GrvaeError(f"{name}: {outputs} differs, so nothing is accepted")
            click.echo(f"  {name}: the same ({time.monotonic() - start:.0f} s)")

        seen = {(matrix_of(name), stale[name].kind) for name in anew if name in stale}
        spoken_for = [n for n in stale if n not in anew and (matrix_of(n), stale[n].kind) in seen]
        if spoken_for:
            click.echo(f"On trust, like the rows made anew: {in_words(spoken_for)}")
        if unseen := [name for name in stale if name not in anew and name not in spoken_for]:
            click.echo(f"On trust, without their inputs: {in_words(unseen)}")
        write_locks(stages, stale, project)
    click.echo(f"Accepted: {len(stale)} of {len(stages)} stages. Next:")
    for target in targets:
        file = target.partition(":")[0]
        before = f"python -m fanout.hidden {file} " if hidden_by(Path(), file) else ""
        click.echo(f"  {before}dvc repro --dry --allow-missing {target}")


@click.command(cls=StageCommand)
@click.argument("targets", nargs=-1)
@click.option("--rows", type=click.IntRange(min=1), default=1, show_default=True, help="To draw.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Rows not to draw; repeatable.")
@click.option("--seed", type=int, help="Of the draw; else it is another one every time.")
def main(targets: tuple[str, ...], rows: int, exclude: tuple[str, ...], seed: int | None) -> None:
    """Accept DVC's results as those of the present code, after a rerun of a sample of them.

    Each of TARGETS is a pipeline, `dvc.yaml`, or one of its stages with all that it depends on:
    `dvc.yaml:evaluate` keeps the trainings where what follows has new results.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        accept(targets or ("dvc.yaml",), rows, exclude, seed)
    except DvcException as error:
        raise GrvaeError(str(error)) from error


if __name__ == "__main__":
    main()
