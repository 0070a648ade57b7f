"""What `dvc repro` makes of bad parameters, of a kill and of another `dvc repro`."""

import os
import signal
import subprocess
import time

import pytest

from tests.project import ENVIRONMENT, ran


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_act": "tanh"}, "latent_act: got 'tanh'"),
        ({"seeds": [0, 1, -1]}, "seeds.2: got -1"),
        ({"surprise": 1, "latent_act": "abs"}, "surprise: unknown key"),
    ],
)
def test_bad_parameter_stops_before_any_work_with_one_line(project, change, message):
    project.set(**change)
    output = project.run("dvc", "repro", code=255)
    assert message in output
    assert "Traceback" not in output
    project.run("git", "checkout", "--", ".")
    assert project.run("git", "status", "--porcelain") == ""


def begin_run(project):
    """Start `dvc repro` on one run; returns when that has begun, its old weights being gone."""
    process = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", "train@routed-1"],
        cwd=project.folder, env=ENVIRONMENT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    weights = project.folder / "runs" / "routed" / "1" / "weights.safetensors"
    deadline = time.monotonic() + 60
    while weights.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not weights.exists()
    return process


def test_run_killed_in_the_middle_is_finished_by_the_next_repro(project):
    expected = (project.folder / "dvc.lock").read_bytes()
    process = begin_run(project)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.run("dvc", "repro")
    assert (project.folder / "dvc.lock").read_bytes() == expected
    assert project.run("git", "status", "--porcelain") == ""


def test_of_two_repros_at_once_the_second_is_refused_and_the_first_is_right(project):
    expected = (project.folder / "dvc.lock").read_bytes()
    first = begin_run(project)
    refusal = project.run("dvc", "repro", code=255)
    assert f"busy, it is being blocked by:\n  (PID {first.pid}): " in refusal
    output, _ = first.communicate(timeout=600)
    assert first.returncode == 0, output
    assert ran(project.run("dvc", "repro")) == []
    assert (project.folder / "dvc.lock").read_bytes() == expected
    assert project.run("git", "status", "--porcelain") == ""


def test_temporary_file_that_a_kill_has_left_changes_nothing(project):
    for folder in ("runs/routed/0", "reports", "data"):
        (project.folder / folder / ".weights.safetensors.123.tmp").touch()
    assert ran(project.run("dvc", "repro")) == []
    assert project.run("git", "status", "--porcelain") == ""
