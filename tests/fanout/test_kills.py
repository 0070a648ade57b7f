"""Nothing is lost, and no process left, when the fan-out is ended or code edited meanwhile."""

import time

import pytest
from dvc.exceptions import DvcException

from tests.fanout.test_repro import ROWS
from tests.fanout.toy import STAGE, ended, interrupt
from tests.project import ran


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
    assert toy.stale("train") == ["train@a-0"]


def test_interrupt_ends_all_within_two_seconds_and_keeps_what_was_finished(toy):
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
    assert toy.recorded() == ["download", "train@a-0"]


def test_killed_caller_leaves_no_process_and_loses_only_what_ran(toy):
    toy.hang("runs/a/1/model.txt")
    process = toy.start("-j", "1", "train")
    stage = toy.hanging()
    assert toy.fan_out(code=1) == f"Error: another call is at work in {toy.folder}\n"
    with toy.dvc() as repo, pytest.raises(DvcException) as refusal:
        repo.reproduce("train@a-1", single_item=True)
    blocked = f"busy, it is being blocked by:\n  (PID {process.pid}): "
    assert blocked in str(refusal.value.__cause__)
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
