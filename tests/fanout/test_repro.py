"""The fan-out gives what `dvc repro` gives, and each row that fails is named."""

import re

from dvc.repo import Repo

from tests.fanout.toy import STAGE, Toy
from tests.project import ran

ROWS = [f"{variant}-{seed}" for variant in "ab" for seed in (0, 1)]
ALL = {"download", "summarise", *(f"{s}@{row}" for s in ("train", "evaluate") for row in ROWS)}


def files(toy):
    """All but logs and what DVC and git keep for themselves."""
    names = [file.relative_to(toy.folder) for file in toy.folder.rglob("*") if file.is_file()]
    own = {".git", ".dvc", "logs", "__pycache__"}
    return {name: toy.read(name) for name in names if not own & set(name.parts)}


def test_lock_and_files_are_those_of_dvc_repro_to_the_byte(fanned_out, plain):
    assert set(ran(fanned_out.output)) == ALL
    assert files(fanned_out) == files(plain)
    assert fanned_out.stale() == []
    assert fanned_out.run("git", "status", "--porcelain") == ""


def test_stage_runs_as_under_dvc_with_one_thread_and_random_numbers_of_its_own(fanned_out):
    logs = [fanned_out.read(f"logs/train@{row}.log").splitlines() for row in ROWS]
    here = fanned_out.folder
    assert [log[:-1] for log in logs] == [[f"1 {here} {here}", "forked"]] * len(ROWS)
    assert len({log[-1] for log in logs}) == len(ROWS)


def test_lock_does_not_depend_on_what_was_asked_before(done):
    before = done.read("dvc.lock")
    done.set(rows=["c", "a"])
    assert set(ran(done.fan_out())) == {f"{s}@c-{n}" for s in ("train", "evaluate") for n in (0, 1)}
    changed = done.read("dvc.lock")
    assert sorted(path.name for path in (done.folder / "runs").iterdir()) == ["a", "c"]
    (done.folder / "dvc.lock").unlink()
    with done.dvc() as repo:
        repo.reproduce()
    assert done.read("dvc.lock") == changed
    done.set()
    assert ran(done.fan_out()) == []  # from the run-cache
    assert done.read("dvc.lock") == before
    assert sorted(path.name for path in (done.folder / "runs").iterdir()) == ["a", "b"]
    head, *entries = re.split(r"^(?=  \S)", before, flags=re.MULTILINE)
    done.write("dvc.lock", "".join([head, *reversed(entries)]))
    assert done.fan_out("-j", "2", "--memory", "9000").startswith("1 process, 9000.0 GB each, of ")
    assert done.read("dvc.lock") == before


def test_output_of_a_dropped_row_stays_where_somebody_has_changed_it(done):
    done.set(rows=["a"])
    done.write("runs/b/0/model.txt", "mine")
    done.fan_out()
    assert done.read("runs/b/0/model.txt") == "mine"
    assert not (done.folder / "runs/b/1").exists()


def test_dry_run_says_what_is_stale_and_runs_nothing(done):
    done.write("data.txt", "other")
    assert done.fan_out("--dry") == (
        "Would run:\n  download\n"
        + "".join(f"  train@{row}\n" for row in ROWS)
        + "Would follow, if what they need changes:\n"
        + "  summarise\n"
        + "".join(f"  evaluate@{row}\n" for row in ROWS)
    )
    assert done.read("data.txt") == "other"


FAIL = """\
import os, sys

if sys.argv[1] == "runs/a/1/model.txt":
    os.kill(os.getpid(), 9)
if sys.argv[1] == "runs/b/0/model.txt":
    print("no luck"); sys.exit(3)
if sys.argv[1] == "runs/b/1/model.txt":
    sys.exit()
"""


def test_row_that_fails_is_named_and_the_others_are_recorded(toy):
    toy.before(FAIL)
    output = toy.fan_out("-j", "2", code=1)
    killed = "killed, probably out of memory: fewer processes (-j) need less"
    assert f"train@a-1: FAILED: {killed}; see logs/train@a-1.log\n" in output
    assert "train@b-0: FAILED: exit code 3; see logs/train@b-0.log\n    no luck\n" in output
    missing = "output 'runs/b/1/model.txt' does not exist; see logs/train@b-1.log"
    assert f"train@b-1: FAILED: {missing}\n" in output
    assert "evaluate@b-0: not started: it needs train@b-0\n" in output
    assert output.splitlines()[-1] == (
        "Error: 3 of 11 stages failed, 3 wait for them: "
        f"train@a-1: {killed}; see logs/train@a-1.log; "
        f"train@b-0: exit code 3; see logs/train@b-0.log; train@b-1: {missing}"
    )
    assert toy.recorded() == ["download", "train@a-0", "freeze", "summarise", "evaluate@a-0"]
    toy.write("stage.py", STAGE)
    assert ran(toy.fan_out("train@b-0")) == ["download", "train@b-0"]


BELOW = """\
stages:
  count:
    foreach:
      - x
      - y
    do:
      cmd: PYTHONPATH=../.. python -m stage ${item}.txt ../../toy.yaml
      deps:
        - ../../stage.py
        - ../../toy.yaml
      outs:
        - ${item}.txt
"""


def project_below(toy):
    """A DVC project in a folder of another one, whose files it depends on."""
    inner = Toy(toy.folder / "research" / "inner")
    inner.folder.mkdir(parents=True)
    with inner.inside():
        Repo.init(subdir=True).close()
    inner.write("dvc.yaml", BELOW)
    return inner


def test_project_below_another_runs_where_it_stands(toy):
    inner = project_below(toy)
    assert ran(inner.fan_out("-j", "2")) == ["count@x", "count@y"]
    lock = inner.read("dvc.lock")
    (inner.folder / "dvc.lock").unlink()
    with inner.dvc() as repo:
        repo.reproduce(force=True)
    assert inner.read("dvc.lock") == lock
    assert not (toy.folder / "dvc.lock").exists()
