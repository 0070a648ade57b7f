"""`grvae repro` gives what `dvc repro` gives, and nothing is lost when something fails."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import PROJECT, write_small_params
from tests.fanout.kills import assert_ends, worker_of
from tests.fanout.toy import DVC, ENVIRONMENT, GRVAE, Toy, ran

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

# The first attempt of one stage tells its process id and then waits to be killed.
HANG_ONCE = """\
import os, pathlib, sys, time

mark = pathlib.Path({mark!r})
if sys.argv[1] == "runs/a/0/model.txt" and not mark.exists():
    mark.write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The dvc.lock of a plain `dvc repro`."""
    toy = Toy(tmp_path_factory.mktemp("expected") / "toy")
    toy.run(*DVC, "repro")
    return toy.lock()


@pytest.fixture
def mark(toy, tmp_path):
    """Where the stage that hangs leaves its process id."""
    mark = tmp_path / "mark"
    toy.prepend(HANG_ONCE.format(mark=str(mark)))
    return mark


def hanging_stage(mark) -> psutil.Process:
    deadline = time.monotonic() + 120
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return psutil.Process(int(mark.read_text()))


def test_lock_is_that_of_dvc_repro_and_the_caller_trains_nothing(toy, expected):
    output = toy.grvae("-j", "2")
    assert toy.lock() == expected
    assert ran(output) == ["download", "summarise"]
    assert "2 done, 0 running, 0 waiting, 0 failed" in output
    assert not list((toy.folder / ".dvc" / "cache" / "fanout").iterdir())


def test_any_name_of_folder_and_file_will_do(tmp_path, expected):
    toy = Toy(tmp_path / "demo, v2 #1")
    Path(os.fsdecode(os.fsencode(toy.folder) + b"/caf\xe9")).touch()
    assert ran(toy.grvae("-j", "2")) == ["download", "summarise"]
    assert toy.lock() == expected


def test_project_whose_dvc_locks_by_hard_links_runs(toy, expected):
    toy.run(*DVC, "config", "--local", "core.hardlink_lock", "true")
    assert ran(toy.grvae("-j", "2")) == ["download", "summarise"]
    assert toy.lock() == expected


DRY = """\
Here, first:
  download
On 2 processes of this machine, one line each:
  train@a-0, evaluate@a-0
  train@b-0, evaluate@b-0
Here, in the end:
  summarise
"""


def test_dry_run_shows_what_would_run_where_and_runs_nothing(toy):
    assert toy.grvae("-j", "2", "--dry") == DRY
    assert not (toy.folder / "dvc.lock").exists()
    toy.run(*DVC, "repro")
    assert toy.grvae("--dry") == "Nothing to run: the pipeline is up to date.\n"


def test_failing_stage_is_named_with_its_log_and_the_others_finish(toy):
    toy.prepend("import sys\nif sys.argv[1] == 'runs/b/0/measures.txt': sys.exit('no luck')")
    output = toy.grvae("-j", "2", code=1)
    assert "FAILED: train@b-0, evaluate@b-0: evaluate@b-0 failed" in output
    assert "    no luck" in output
    assert output.endswith("Error: 1 of 2 failed, the others are done: train@b-0, evaluate@b-0\n")
    assert ran(output) == ["download"]
    assert toy.run(*DVC, "status", "evaluate@a-0").count("@") == 0


@pytest.fixture
def scheduler():
    """The address of a cluster that somebody else has started."""
    code = (
        "from distributed import LocalCluster\n"
        "with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "    print(cluster.scheduler_address, flush=True)\n"
        "    input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=ENVIRONMENT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield process.stdout.readline().strip()
    process.communicate("end\n", timeout=60)


def test_uncommitted_changes_and_new_files_go_to_the_workers_of_a_cluster(toy, scheduler):
    toy.write("addition.py", "WORD = 'new'")
    toy.write("toy.yaml", (toy.folder / "toy.yaml").read_text().replace("1\n", "2\n", 1))
    toy.prepend(
        "import addition, pathlib\nassert 'scale: 2' in pathlib.Path('toy.yaml').read_text()"
    )
    assert ran(toy.grvae("--scheduler", scheduler)) == ["download", "summarise"]


def test_killed_worker_loses_nothing(toy, mark):
    process = toy.start("-j", "2")
    stage = hanging_stage(mark)
    worker_of(stage).kill()
    assert_ends(stage, seconds=20)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert ran(output) == ["download", "summarise"]
    lock = toy.lock()
    toy.run(*DVC, "repro", "--force", "--no-run-cache")
    assert toy.lock() == lock


def test_interrupt_stops_the_stages_and_the_next_run_goes_on(toy, mark, expected):
    process = toy.start("-j", "1")
    stage = hanging_stage(mark)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 130, output
    assert output.endswith("Stopped. What was finished is kept: run the same command to go on.\n")
    assert_ends(stage, seconds=20)
    assert "Traceback" not in output
    toy.run("git", "checkout", "--quiet", "stage.py")
    toy.run(*DVC, "repro")
    assert toy.lock() == expected


def test_killed_caller_leaves_no_stage_running(toy, mark):
    process = toy.start("-j", "1")
    stage = hanging_stage(mark)
    process.kill()
    assert_ends(stage, seconds=20)
    process.communicate()


def test_second_fan_out_in_one_workspace_is_refused(toy):
    with (toy.folder / ".dvc" / "tmp" / "grvae-repro.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        output = toy.grvae("-j", "2", code=1)
    assert output == "Error: another `grvae repro` is at work in this folder\n"


def test_bad_parameter_is_told_once_before_anything_starts(toy):
    write_small_params(toy.folder / "params.yaml", latent_act="tanh")
    output = toy.grvae("-j", "2", code=1)
    assert output.startswith("Error: params.yaml: latent_act: got 'tanh', should be ")
    assert output.count("\n") == 1


def test_torn_lock_does_not_stop_it(toy, expected):
    toy.grvae("-j", "2")
    toy.write("dvc.lock", expected.decode()[:-20])
    toy.write(".dvc/tmp/rwlock", '{"wri')
    toy.grvae("-j", "2")
    assert toy.lock() == expected


def test_stages_keep_freed_memory_as_without_dask(toy):
    toy.prepend("import os\nassert 'MALLOC_TRIM_THRESHOLD_' not in os.environ")
    assert "0 failed" in toy.grvae("-j", "2")


OTHER_GRAPH = """\
stages:
  train:
    foreach:
      - x
      - y
    do:
      wdir: ..
      cmd: python stage.py other/${item}.txt data.txt
      deps:
        - stage.py
        - data.txt
      outs:
        - other/${item}.txt
  gather:
    wdir: ..
    cmd: python stage.py other/all.txt other/x.txt other/y.txt
    deps:
      - other/x.txt
      - other/y.txt
    outs:
      - other/all.txt
"""


def test_second_pipeline_of_the_project_fans_out_by_its_file(toy):
    (toy.folder / "other").mkdir()
    toy.write("other/dvc.yaml", OTHER_GRAPH)
    output = toy.grvae("./other/dvc.yaml", "-j", "2")
    assert ran(output) == ["download", "other/dvc.yaml:gather"]
    assert "2 done, 0 running, 0 waiting, 0 failed" in output
    assert not (toy.folder / "runs").exists()
    lock = (toy.folder / "other" / "dvc.lock").read_bytes()
    toy.run(*DVC, "repro", "--force", "--no-run-cache", "other/dvc.yaml")
    assert (toy.folder / "other" / "dvc.lock").read_bytes() == lock


@pytest.fixture
def gathering(toy):
    """A second pipeline, in which a row of a matrix needs two other rows."""
    (toy.folder / "other").mkdir()
    before, do = OTHER_GRAPH.split("  gather:\n")
    row = "".join(f"  {line}\n" for line in do.splitlines())
    toy.write("other/dvc.yaml", f"{before}  gather:\n    foreach:\n      - all\n    do:\n{row}")
    return toy


def test_row_that_needs_other_rows_waits_for_their_workers(gathering):
    output = gathering.grvae("other/dvc.yaml", "-j", "2")
    assert ran(output) == ["download"]
    assert "3 done, 0 running, 0 waiting, 0 failed" in output
    lock = (gathering.folder / "other" / "dvc.lock").read_bytes()
    gathering.run(*DVC, "repro", "--force", "--no-run-cache", "other/dvc.yaml")
    assert (gathering.folder / "other" / "dvc.lock").read_bytes() == lock


def test_row_that_needs_other_rows_is_not_started_where_one_of_them_fails(gathering):
    gathering.prepend("import sys\nif sys.argv[1] == 'other/x.txt': sys.exit('no luck')")
    output = gathering.grvae("other/dvc.yaml", "-j", "2", code=1)
    first, last = "other/dvc.yaml:train@x", "other/dvc.yaml:gather@all"
    assert f"FAILED: {last}: not started: it needs {first}" in output
    assert output.splitlines()[-1].startswith("Error: 2 of 3 failed, the others are done: ")
    assert gathering.run(*DVC, "status", "other/dvc.yaml:train@y").count("@") == 0


def test_row_that_needs_other_rows_finds_them_in_a_remote(gathering):
    gathering.run(*DVC, "remote", "add", "--default", "store", "../store")
    output = gathering.grvae("other/dvc.yaml", "-j", "2", "--via-remote")
    assert ran(output) == ["download"]
    assert "3 done, 0 running, 0 waiting, 0 failed" in output


def test_pipeline_that_does_not_exist_is_one_line(toy):
    output = toy.grvae("elsewhere/dvc.yaml", code=1)
    assert (
        output
        == "Error: pipeline: got 'elsewhere/dvc.yaml', should be a dvc.yaml of this project\n"
    )


def test_folder_inside_the_project_is_one_line(toy):
    (toy.folder / "sub").mkdir()
    command = f"cd sub && {' '.join(GRVAE)} repro"
    output = toy.run("sh", "-c", command, code=1)
    assert output.endswith("/sub: run this in the project's folder\n")
    assert output.count("\n") == 1


def test_archive_without_repository_is_one_line(toy):
    (toy.folder / ".git").rename(toy.folder / "git")
    output = toy.grvae(code=1)
    assert output.startswith("Error: no git repository in ")
    assert output.count("\n") == 1


def test_system_without_fcntl_is_one_line(toy):
    hide = "import sys; sys.modules['fcntl'] = None; from grvae.use.cli import main; main()"
    output = toy.run(sys.executable, "-c", hide, "repro", code=1)
    assert output == (
        "Error: `grvae repro` needs fcntl, which this system has not: use `dvc repro`\n"
    )


def test_one_worker_where_one_core_is_allowed(toy):
    output = toy.run("taskset", "-c", "0", sys.executable, *GRVAE[1:], "repro", "--dry")
    assert "1 process of this machine" in output


def test_missing_dask_is_one_line(toy, tmp_path):
    missing = tmp_path / "missing" / "distributed"
    missing.mkdir(parents=True)
    (missing / "__init__.py").write_text("raise ModuleNotFoundError('distributed')")
    output = toy.grvae("-j", "2", code=1, PYTHONPATH=f"{missing.parent}:{PROJECT}")
    assert output == "Error: `grvae repro` needs Dask: pip install '.[cluster]'\n"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://127.0.0.1:9", "no Dask scheduler answers at tcp://127.0.0.1:9"),
        ("http://127.0.0.1:9", "got 'http://127.0.0.1:9', should be like tcp://10.0.0.1:8786"),
        ("", "got '', should be like tcp://10.0.0.1:8786"),
        ("tls://127.0.0.1:9", "set these to files: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "),
    ],
)
def test_wrong_scheduler_is_one_line(toy, address, message):
    output = toy.grvae("--scheduler", address, code=1)
    assert message in output.splitlines()[-1]
    assert "Traceback" not in output


def test_preload_that_does_not_exist_is_one_line(toy):
    output = toy.grvae("-j", "1", code=1, DASK_DISTRIBUTED__CLIENT__PRELOAD="nothing")
    assert output.endswith(
        "Error: Dask does not start: ModuleNotFoundError: No module named 'nothing'\n"
    )


def test_results_travel_through_a_remote(toy, expected, tmp_path):
    toy.run(*DVC, "remote", "add", "--default", "store", "../store")
    output = toy.grvae("-j", "2", "--via-remote")
    assert ran(output) == ["download", "summarise"]
    assert toy.lock() == expected


def test_remote_must_exist(toy):
    output = toy.grvae("--via-remote", code=1)
    assert output.endswith("Error: --via-remote needs a default remote: `dvc remote add -d`\n")
