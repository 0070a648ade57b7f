"""What `dvc repro` makes of bad parameters and of a kill."""

import os
import signal
import subprocess
import time

import pytest

from tests.project import ENVIRONMENT


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


def test_run_killed_in_the_middle_is_finished_by_the_next_repro(project):
    expected = (project.folder / "dvc.lock").read_bytes()
    process = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", "train@routed-1"],
        cwd=project.folder, env=ENVIRONMENT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    weights = project.folder / "runs" / "routed" / "1" / "weights.safetensors"
    deadline = time.monotonic() + 60
    while weights.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not weights.exists()
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    project.run("dvc", "repro")
    assert (project.folder / "dvc.lock").read_bytes() == expected
    assert project.run("git", "status", "--porcelain") == ""
