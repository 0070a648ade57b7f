"""The fan-out gives what `dvc repro` gives, and nothing is lost when something fails."""

import re
import time

from tests.fanout.toy import STAGE, Toy, ended, interrupt
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
    assert ran(fanned_out.run("dvc", "repro")) == []
    assert fanned_out.run("git", "status", "--porcelain") == ""


def test_stage_runs_as_under_dvc_with_one_thread(fanned_out):
    log = fanned_out.read("logs/train@a-0.log")
    assert log == f"1 {fanned_out.folder} {fanned_out.folder}\nforked\n"


def test_lock_does_not_depend_on_what_was_asked_before(done):
    before = done.read("dvc.lock")
    done.set(rows=["c", "a"])
    assert set(ran(done.fan_out())) == {f"{s}@c-{n}" for s in ("train", "evaluate") for n in (0, 1)}
    changed = done.read("dvc.lock")
    assert sorted(path.name for path in (done.folder / "runs").iterdir()) == ["a", "c"]
    (done.folder / "dvc.lock").unlink()
    done.run("dvc", "repro")
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
    assert re.findall(r"^  (\w.*):$", toy.read("dvc.lock"), re.MULTILINE) == [
        "download", "train@a-0", "freeze", "summarise", "evaluate@a-0"
    ]  # fmt: skip
    toy.write("stage.py", STAGE)
    assert ran(toy.fan_out("train")) == ["download", *(f"train@{row}" for row in ROWS)]


def test_code_that_is_edited_meanwhile_is_not_what_made_the_result(toy):
    """One row runs while `stage.py` and a preloaded module are edited, the others afterwards."""
    say = "import word; print(word.WORD)\n"
    toy.hang("runs/a/0/model.txt")
    toy.write("stage.py", say + toy.read("stage.py"))
    toy.write("word.py", "WORD = 'old'")
    process = toy.start("-j", "1", "--preload", "word", "--", "train")
    toy.hanging()
    toy.write("word.py", "WORD = 'new'")
    toy.write("stage.py", say + STAGE)
    toy.release()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "old" in toy.read("logs/train@a-0.log")
    assert "new" in toy.read("logs/train@a-1.log")
    status = toy.run("dvc", "status", "train")
    assert re.findall(r"^(\S+):$", status, re.MULTILINE) == ["train@a-0"]
    assert "train@a-0" in ran(toy.fan_out("train"))


def test_forks_draw_different_random_numbers(toy):
    toy.before("import numpy; print(numpy.random.random())")
    toy.fan_out("-j", "2", "--preload", "numpy.random", "--", "train@a-0", "train@a-1")
    drawn = {toy.read(f"logs/train@a-{seed}.log").split()[0] for seed in (0, 1)}
    assert len(drawn) == 2


def test_interrupt_ends_all_within_two_seconds_and_the_next_call_goes_on(toy):
    toy.hang("runs/a/1/model.txt")
    process = toy.start("-j", "1", "train")
    stage = toy.hanging()
    start = time.monotonic()
    interrupt(process)
    output, _ = process.communicate(timeout=60)
    assert time.monotonic() - start < 2
    assert process.returncode == 130, output
    assert output.endswith("Stopped. What was finished is kept: the same command goes on.\n")
    assert "Traceback" not in output
    assert ended(stage)
    toy.release()
    assert ran(toy.fan_out("train")) == [f"train@{row}" for row in ROWS[1:]]


def test_killed_caller_leaves_no_process_and_loses_only_what_ran(toy):
    toy.hang("runs/a/1/model.txt")
    process = toy.start("-j", "1", "train")
    stage = toy.hanging()
    assert toy.fan_out(code=1) == f"Error: another call is at work in {toy.folder}\n"
    refused = toy.run("dvc", "repro", "--single-item", "train@a-1", code=255)
    assert f"busy, it is being blocked by:\n  (PID {process.pid}): " in refused
    process.kill()
    assert ended(stage)
    process.communicate()
    toy.release()
    toy.write(".dvc/tmp/rwlock", '{"wri')  # as the kill may leave it
    assert ran(toy.fan_out("train")) == [f"train@{row}" for row in ROWS[1:]]


def test_lock_cut_short_is_put_back_from_git_or_left_alone(done):
    whole = done.read("dvc.lock")
    done.write("dvc.lock", whole[:-20])
    assert ran(done.fan_out()) == []
    assert done.read("dvc.lock") == whole
    done.run("git", "rm", "--quiet", "--cached", "dvc.lock")
    done.run("git", "commit", "--quiet", "--message", "test")
    done.write("dvc.lock", whole[:-20])
    output = done.fan_out(code=1)
    assert output.startswith("Error: dvc.lock was cut short by a kill, and git has no other; ")
    assert output.count("\n") == 1
    assert done.read("dvc.lock") == whole[:-20]


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
    inner.run("dvc", "init", "--quiet", "--subdir")
    inner.write("dvc.yaml", BELOW)
    return inner


def test_project_below_another_runs_where_it_stands(toy):
    inner = project_below(toy)
    assert ran(inner.fan_out("-j", "2")) == ["count@x", "count@y"]
    lock = inner.read("dvc.lock")
    (inner.folder / "dvc.lock").unlink()
    inner.run("dvc", "repro", "--force")
    assert inner.read("dvc.lock") == lock
    assert not (toy.folder / "dvc.lock").exists()
