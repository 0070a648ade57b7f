"""The same through the workers of a Dask cluster, by its address."""

import re
import subprocess
import sys

import pytest

from tests.fanout.test_repro import FAIL, files, project_below
from tests.fanout.toy import ended, interrupt, worker_of
from tests.project import ENVIRONMENT, ran

pytest.importorskip("distributed")
from fanout.cluster import GONE

CLUSTER = """\
import os, tempfile
from distributed import LocalCluster

if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(n_workers=2, **options) as cluster:
        print(cluster.scheduler_address, flush=True)
        input()
"""


def start_cluster(folder):
    """The process of a scheduler whose workers share nothing with the caller, and its address."""
    script = folder / "cluster.py"
    script.write_text(CLUSTER)
    process = subprocess.Popen(
        [sys.executable, script], cwd=script.parent, text=True,
        env=ENVIRONMENT | {"PYTHONPATH": "", "TMPDIR": str(script.parent)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return process, process.stdout.readline().strip()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a cluster."""
    process, address = start_cluster(tmp_path_factory.mktemp("cluster"))
    yield address
    process.communicate("end\n", timeout=60)


def test_lock_and_files_are_those_of_dvc_repro(toy, plain, scheduler):
    toy.fan_out("--scheduler", scheduler)
    assert files(toy) == files(plain)
    assert str(toy.folder) not in toy.read("logs/train@a-0.log")
    assert toy.read("logs/train@a-0.log").startswith("1 /")  # one thread


def test_row_that_fails_is_named_and_the_others_are_recorded(toy, scheduler):
    """Sources that are not committed go to the workers, too."""
    toy.write("addition.py", "")
    toy.before(f"import addition\n{FAIL}")
    output = toy.fan_out("--scheduler", scheduler, code=1)
    assert "train@a-1: FAILED: killed, probably out of memory" in output
    assert "train@b-0: FAILED: exit code 3; see logs/train@b-0.log\n    no luck\n" in output
    assert "train@b-1: FAILED: output 'runs/b/1/model.txt' does not exist" in output
    assert output.splitlines()[-1].startswith("Error: 3 of 11 stages failed, 3 wait for them: ")
    assert "train@a-0" in toy.read("dvc.lock")
    assert "train@b-0" not in toy.read("dvc.lock")


@pytest.mark.slow
def test_rows_of_killed_workers_run_again_though_their_data_are_lost(toy, plain, scheduler):
    """All workers are killed, and with them the only copies of sources and data; others start."""
    toy.hang("runs/b/0/model.txt")
    process = toy.start("--scheduler", scheduler, "evaluate@b-0")
    for worker in worker_of(toy.hanging()).parent().children():
        if worker.cmdline()[0].startswith("dask worker ["):
            worker.kill()
    toy.release()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert toy.read("measures/b-0.txt") == plain.read("measures/b-0.txt")


@pytest.mark.slow
def test_scheduler_that_is_killed_ends_the_call_in_one_line_and_what_was_done_is_kept(
    toy, tmp_path
):
    cluster, address = start_cluster(tmp_path)
    toy.hang("runs/b/0/model.txt")
    process = toy.start("--scheduler", address, "train")
    stage = toy.hanging()
    for line in process.stdout:
        if "train@b-1: done" in line:
            break
    cluster.kill()
    output, _ = process.communicate(timeout=60)
    cluster.communicate()
    assert (process.returncode, output) == (1, f"Error: {GONE}\n")
    assert ended(stage, 10)
    made = re.findall(r"^  (train@\S+):$", toy.read("dvc.lock"), re.MULTILINE)
    assert made == ["train@a-0", "train@a-1", "train@b-1"]


@pytest.mark.parametrize(
    "end", [subprocess.Popen.kill, pytest.param(interrupt, marks=pytest.mark.slow)]
)
def test_stage_ends_with_its_caller(toy, scheduler, end):
    toy.hang("runs/a/1/model.txt")
    process = toy.start("--scheduler", scheduler, "train@a-1")
    stage = toy.hanging()
    end(process)
    process.communicate(timeout=20)
    assert ended(stage, 5)


@pytest.mark.slow
def test_project_below_another_gets_files_from_above(toy, scheduler):
    inner = project_below(toy)
    assert ran(inner.fan_out("--scheduler", scheduler)) == ["count@x", "count@y"]
    assert inner.read("y.txt").endswith("y.txt count@y\n")
