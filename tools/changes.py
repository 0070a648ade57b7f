"""What has changed of a stage since DVC ran it, and what of it a rerun of some rows can speak for.

Code may change and leave the results as they are. It is the command, and whatever the stage depends
on that git tracks, no stage makes, and is a `.py` file or a folder of nothing else; such a
dependency may also come or go. Any other, a template or a table say, is data: if it has changed,
come or gone, so have the results, as with the value of a parameter and the list of outputs. A
parameter that is new or gone may be neutral.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvc.dependency import Dependency, ParamsDependency
from dvc.output import Output
from dvc.repo import Repo
from dvc.stage import PipelineStage
from dvc_data.hashfile.build import build

Locked = Mapping[str, Any]  # a stage's entry in dvc.lock

MISSING = object()


@dataclass
class Changes:
    """The changes of a stage, in words."""

    code: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)  # those that are new or gone
    refused: set[str] = field(default_factory=set)

    @property
    def kind(self) -> tuple[frozenset[str], frozenset[str]]:
        """Equal for stages that one sample can speak for."""
        return frozenset(self.code), frozenset(self.params)


def find_changes(stage: PipelineStage, locked: Locked, project: Repo) -> Changes:
    """Compare a stage of a copy of the project with its entry in dvc.lock.

    Args:
        stage: of the copy, which holds all that git tracks or would track, and which we are in.
        locked: its entry, empty if it has none.
        project: the original, which may have more.
    """
    if not locked:
        return Changes(refused={"no results yet"})
    changes = Changes()
    if stage.cmd != locked["cmd"]:
        changes.code.add("the command")
    deps = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    for dep in deps:
        name, is_new = dep.def_path, not dep.hash_info
        now = None if is_new else hash_now(dep, project)
        if sources := producers(stage.repo, dep.fs_path):
            known = [out.hash_info for out in sources if out.fs_path == dep.fs_path]
            if is_new or any(h not in (None, dep.hash_info) for h in (now, *known)):
                changes.refused.add(f"{name}: what a stage makes, and this one reads, has changed")
        elif now is None or now != dep.hash_info:
            if is_code(dep):
                changes.code.add(name)
            else:
                how = "is new" if is_new else "has changed" if now else "is not there"
                changes.refused.add(f"{name}: an input that is not code {how}")
    for name in names_in(locked, "deps") - {dep.def_path for dep in deps}:
        if was_code(stage, name, project):
            changes.code.add(name)
        else:
            changes.refused.add(f"{name}: an input that is not code has gone")
    outs, known_outs = {out.def_path for out in stage.outs}, names_in(locked, "outs")
    changes.refused |= {f"{name}: a new output" for name in outs - known_outs}
    changes.refused |= {f"{name}: an output that has gone" for name in known_outs - outs}
    compare_params(stage, locked.get("params", {}), changes)
    return changes


def names_in(locked: Locked, kind: str) -> set[str]:
    """The paths of a stage's "deps" or "outs" in dvc.lock."""
    return {entry["path"] for entry in locked.get(kind, [])}


def hash_now(dep: Dependency, project: Repo) -> Any:
    """DVC's hash of a dependency as it is; None if it is not there.

    What stages make, or git ignores, is only in the project itself.
    """
    if dep.exists and not producers(dep.repo, dep.fs_path):
        return dep.get_hash()
    path = Path(project.root_dir, os.path.relpath(dep.fs_path))
    if not path.exists():
        return None
    cache, ignore = project.cache.local, project.dvcignore
    return build(cache, str(path), project.fs, "md5", ignore=ignore, dry_run=True)[2].hash_info


def producers(repo: Repo, path: str) -> list[Output]:
    """The outputs that a path is, is in, or holds."""
    outs, key = repo.index.outs_trie, Path(path).parts
    inside = outs.values(prefix=key) if outs.has_subtrie(key) else []
    return [*(node.value for node in outs.prefixes(key)), *inside]


def is_code(dep: Dependency) -> bool:
    """Whether all that DVC hashes there is Python that git tracks or would track."""
    files = dep.repo.dvcignore.find(dep.fs, dep.fs_path) if dep.isdir() else [dep.fs_path]
    return dep.exists and all(name.endswith(".py") for name in files)


def was_code(stage: PipelineStage, name: str, project: Repo) -> bool:
    """The same of a dependency that has gone; git knows all that was ever in a folder."""
    path = os.path.relpath(Path(stage.wdir, name))
    log = ["git", "log", "--format=", "--name-only", "--", path]
    result = subprocess.run(log, cwd=project.root_dir, capture_output=True, text=True)
    files = result.stdout.split("\n") if result.stdout else [name]
    is_made = bool(producers(stage.repo, str(Path(path).absolute())))
    return not is_made and all(file.endswith(".py") for file in files if file)


def compare_params(stage: PipelineStage, locked: Mapping[str, Any], changes: Changes) -> None:
    """Add what has changed of the parameters; a row's own name is `*` in theirs."""
    now = {}
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency):
            now[dep.def_path] = dep.read_params()
            if not dep.exists:
                changes.refused.add(f"{dep.def_path}: does not exist")
    before, after = dict(flatten(locked)), dict(flatten(now))
    row = stage.name.partition("@")[2]
    for file, *keys in before.keys() | after.keys():
        old, new = (values.get((file, *keys), MISSING) for values in (before, after))
        where = "" if file == "params.yaml" else f"{file}:"
        shared = ".".join("*" if key == row else key for key in keys)
        if old is MISSING:
            changes.params.add(f"new parameter {where}{shared}")
        elif new is MISSING:
            changes.params.add(f"parameter gone {where}{shared}")
        elif old != new:
            changes.refused.add(f"{where}{'.'.join(keys)}: {old} -> {new}")


def flatten(values: Mapping[str, Any], key: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The values of nested mappings, each with the keys to it; those of a file are dotted."""
    for name, value in values.items():
        whole = (*key, *str(name).split(".")) if key else (name,)
        if isinstance(value, dict) and value:
            yield from flatten(value, whole)
        else:
            yield whole, value
