"""Take the results that DVC has as those of the present code, after making a sample of them anew.

Runs are reproducible to the bit, so a refactoring need not cost every run again. Three things must
hold: of every stale stage only code or command has changed; the first steps of every variant are
what they were (tests/unit/test_golden_steps.py); and what is made anew, one row of each matrix and
every single stage, has the outputs that dvc.lock names. Then the present code's hashes go there.

A sample cannot show that no row has changed: a change that touches k of m rows escapes one of them
with a probability of 1 - k/m.
"""

import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from dvc.dependency import Dependency
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.stage import PipelineStage

from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError

GOLDEN_STEPS = [sys.executable, "-m", "pytest", "-q", "tests/unit/test_golden_steps.py"]


@click.command(cls=StageCommand, help=__doc__)
@click.argument("names", nargs=-1, metavar="[STAGE]...")
@click.option("--exclude", multiple=True, metavar="TEXT", help="Draw no row with TEXT in its name.")
def main(names: tuple[str, ...], exclude: tuple[str, ...]) -> None:  # noqa: D103 - documented by its module
    if subprocess.run(GOLDEN_STEPS, cwd=Path(__file__).parents[1]).returncode != 0:
        raise GrvaeError("the golden steps have changed, so nothing is accepted")
    try:
        with Repo() as repo:
            accept(repo, names, exclude, random.SystemRandom())
    except DvcException as error:
        raise GrvaeError(str(error)) from error


def accept(repo: Repo, names: Sequence[str], exclude: Sequence[str], choice: random.Random) -> None:
    """Make a sample of the stale stages anew; if it is the same, note the code of them all.

    Args:
        repo: of the stages.
        names: of the stages, a matrix without its rows; none are all.
        exclude: parts of names; no such row is drawn.
        choice: draws the rows.

    Raises:
        GrvaeError: more than code has changed, or an output differs.
    """
    stages = {
        stage.addressing: stage
        for stage in repo.index.stages
        if stage.cmd and (not names or stage.addressing.partition("@")[0] in names)
    }
    changed: Mapping[str, Any] = repo.status()
    stale = [name for name in stages if name in changed and is_stale(stages[name], changed[name])]
    anew = draw(stale, exclude, choice)
    click.echo(f"Stale: {len(stale)} of {len(stages)} stages. Made anew: {', '.join(anew)}")
    for name in anew:
        make_anew(repo, stages[name])
        click.echo(f"{name}: the same")
    with lock_repo(repo):
        for name in stale:
            for dep in stages[name].deps:
                if is_code(dep):
                    dep.save()
        if stale:
            stages[stale[0]].dvcfile.dump_stages([stages[n] for n in stale], update_pipeline=False)


def is_stale(stage: PipelineStage, changes: Sequence[str | Mapping[str, Any]]) -> bool:
    """Whether code or command of a stage has changed, by what `dvc status` says of it.

    Raises:
        GrvaeError: something else has changed, too.
    """
    code = {str(dep) for dep in stage.deps if is_code(dep)}
    found = "changed command" in changes
    for change in changes:
        for kind, paths in change.items() if isinstance(change, Mapping) else ():
            for path, state in paths.items():
                if kind == "changed deps" and path in code:
                    found = True
                elif state not in ("deleted", "not in cache"):  # a missing output is no other one
                    raise GrvaeError(f"{stage.addressing}: {path}: {state}: run `dvc repro`")
    return found


def is_code(dep: Dependency) -> bool:
    """Whether a dependency is a module or a package."""
    path = Path(dep.fs_path)
    return path.suffix == ".py" or (path / "__init__.py").is_file()


def draw(stale: Sequence[str], exclude: Sequence[str], choice: random.Random) -> list[str]:
    """Every single stage, and of each matrix one row, in their order."""
    rows: dict[str, list[str]] = {}
    for name in stale:
        if "@" not in name or not any(part in name for part in exclude):
            rows.setdefault(name.partition("@")[0], []).append(name)
    drawn = {choice.choice(names) for names in rows.values()}
    return [name for name in stale if name in drawn]


def make_anew(repo: Repo, stage: PipelineStage) -> None:
    """Run a stage where it stands.

    Raises:
        GrvaeError: an output is not what it was; it is put back, and so is dvc.lock.
    """
    lock = Path(stage.path).with_suffix(".lock")
    before, expected = lock.read_bytes(), {str(out): out.hash_info for out in stage.outs}
    [made] = repo.reproduce(stage.addressing, single_item=True, force=True)
    if differing := [str(out) for out in made.outs if out.hash_info != expected[str(out)]]:
        lock.write_bytes(before)
        repo.checkout([stage.addressing], force=True, allow_missing=True)
        outputs = ", ".join(differing)
        raise GrvaeError(f"{stage.addressing}: {outputs} differs, so nothing is accepted")


if __name__ == "__main__":
    main()
