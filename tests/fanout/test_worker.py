"""The parts of a worker, without a cluster."""

import io
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from dvc.config import Config

pytest.importorskip("distributed")

import dask

from fanout.cluster import LOCAL_SETTINGS
from fanout.commands import DVC
from fanout.exchange import settings_for_workers
from fanout.guard import kill, start_guarded
from fanout.job import Job, Outcome, Remote, meeting_place
from fanout.pipeline import Unit
from fanout.progress import Progress
from fanout.work_folder import drop_other_pipelines, make_work_folder, write_settings
from fanout.worker import (
    PROCESSES,
    WARM_PYTHONS,
    check_versions,
    commands,
    only_one,
    project_archive,
    run_command,
    run_unit,
    stop_job,
    thread_variables,
    versions,
)
from grvae.base.errors import GrvaeError
from tests.project import wait_until_warm

USUAL = Path(sys.executable).parent
UNIT = Unit(("train@a-0", "evaluate@a-0"), ("download",))
SLEEP = (
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
)


@pytest.fixture
def job(tmp_path):
    """A job whose cache folder this process sees."""
    job = Job("job", tmp_path, "identity", tmp_path / "cache", {}, 1, versions())
    path = meeting_place(job.exchange, job.name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"project")
    return job


def test_worker_like_the_caller_is_accepted(job):
    check_versions(job)
    assert project_archive(job) == b"project"


def test_worker_with_another_version_is_refused_by_name(job):
    other = replace(job, versions=job.versions | {"torch": "1.0"})
    with pytest.raises(GrvaeError, match=r"has torch .*, should be 1\.0"):
        check_versions(other)


def test_worker_that_does_not_share_the_cache_is_refused(job):
    meeting_place(job.exchange, job.name).unlink()
    with pytest.raises(GrvaeError, match="does not see the caller's cache folder"):
        project_archive(job)


def test_unit_gets_its_inputs_and_then_runs_in_order(job):
    assert list(commands(UNIT, job)) == [
        ["checkout", "download"],
        ["repro", "--single-item", "train@a-0", "evaluate@a-0"],
    ]


def test_unit_that_gathers_others_restores_their_stages_first(job):
    unit = Unit(("measure@a",), ("download",), ("train@a-0", "train@a-1"))
    repro = ["repro", "--single-item", "train@a-0", "train@a-1", "measure@a"]
    assert list(commands(unit, job)) == [["checkout", "download"], repro]


def test_unit_is_not_started_where_one_that_it_needs_has_failed(job):
    failed = Outcome(UNIT, 1.0, "evaluate@a-0 failed")
    outcome = run_unit(Unit(("measure@a",), (), UNIT.stages), job, [failed])
    assert outcome.problem == "not started: it needs train@a-0, evaluate@a-0"


def test_unit_without_shared_disk_is_pushed(job):
    remote = replace(job, exchange=Remote("store", b"project"))
    assert [command[0] for command in commands(UNIT, remote)] == ["repro", "push"]


def test_settings_are_read_by_dvc_as_they_were_given(tmp_path):
    settings = {
        "cache.dir": '/demo, v2 #1/it\'s "here"/é',
        "remote.my.store.url": "s3://bucket/a,b",
    }
    write_settings(tmp_path / "config", settings)
    values = Config.load_file(str(tmp_path / "config"))
    assert values["cache"]["dir"] == settings["cache.dir"]
    assert values["remote"]["my.store"]["url"] == settings["remote.my.store.url"]


def test_settings_go_to_workers_and_credentials_do_not():
    settings = {
        "core.hardlink_lock": "true",
        "core.autostage": "true",
        "cache.dir": "/here",
        "cache.type": "hardlink",
        "remote.store.url": "s3://bucket",
        "remote.store.endpointurl": "http://127.0.0.1:1",
        "remote.store.secret_access_key": "secret",
        "remote.other.url": "/other",
    }
    kept = {"core.hardlink_lock", "cache.type", "remote.store.url", "remote.store.endpointurl"}
    assert settings_for_workers(settings, "store").keys() == kept


@pytest.mark.parametrize("name", LOCAL_SETTINGS)
def test_setting_of_local_workers_is_one_that_dask_has(name):
    dask.config.get(name)  # raises KeyError


def test_failed_command_says_why(job, tmp_path):
    subprocess.run([*DVC, "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    with pytest.raises(GrvaeError, match=r"^`dvc checkout` failed: .*'nothing'"):
        run_command(["checkout", "nothing"], tmp_path, job, (), deque(), USUAL)


def test_stages_start_at_once_however_long_the_path_of_the_workers_folder(tmp_path):
    scratch = tmp_path / ("x" * 100)
    scratch.mkdir()
    python = WARM_PYTHONS.get(1, str(scratch))
    wait_until_warm(python, os.environ | thread_variables(1))
    assert WARM_PYTHONS.get(1, str(scratch)) == python
    _, server = WARM_PYTHONS.servers.pop(1)
    kill(server)
    server.wait()


def test_checkpoint_that_a_killed_worker_has_left_is_there_for_the_next_one(job, tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo(".dvc")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
    for name in ("first", "second"):
        make_work_folder(tmp_path / name, job, buffer.getvalue())
    (tmp_path / "first" / "checkpoints" / "a-0").write_text("epoch 7")
    assert (tmp_path / "second" / "checkpoints" / "a-0").read_text() == "epoch 7"


def test_pipelines_of_which_a_unit_needs_nothing_are_left_out(tmp_path):
    for name in ("dvc.yaml", "dvc.lock", "a/dvc.yaml", "b/dvc.yaml", "b/dvc.lock", "b/other"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    drop_other_pipelines(tmp_path, Unit(("a/dvc.yaml:train@x",), ("download",)))
    assert not any((tmp_path / "b" / name).exists() for name in ("dvc.yaml", "dvc.lock"))
    kept = ("dvc.yaml", "dvc.lock", "a/dvc.yaml", "b/other")
    assert all((tmp_path / name).exists() for name in kept)


def test_unit_waits_for_the_one_that_is_the_same(job):
    order = []

    def second():
        with only_one(UNIT, job):
            order.append("second")

    with only_one(UNIT, job):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_unit_of_a_stopped_job_gives_up(job):
    stopped = replace(job, name="stopped")
    with only_one(UNIT, job):
        stop_job("stopped")
        with pytest.raises(GrvaeError, match="stopped"), only_one(UNIT, stopped):
            pass


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """A guarded process with the child and the grandchild that SLEEP makes."""
    guard = psutil.Process(process.pid)
    deadline = time.monotonic() + 20
    while len(guard.children(recursive=True)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    return [guard, *guard.children(recursive=True)]


def test_guard_returns_the_exit_code():
    process = start_guarded([sys.executable, "-c", "raise SystemExit(7)"], Path.cwd())
    assert process.wait() == 7
    process.stdin.close()


def test_closed_pipe_ends_all_that_was_started():
    process = start_guarded([sys.executable, "-c", SLEEP], Path.cwd())
    members = family(process)
    process.stdin.close()
    assert len(members) == 3
    assert psutil.wait_procs(members, timeout=10)[1] == []
    process.wait()


def test_process_of_a_stopped_job_is_killed_even_if_it_starts_later():
    stop_job("late")
    process = start_guarded([sys.executable, "-c", SLEEP], Path.cwd())
    PROCESSES.add("late", process)
    assert process.wait(timeout=10) != 0


def test_guard_outlives_an_interrupt_that_its_command_handles():
    handler = "import signal, time; signal.signal(2, lambda *_: exit(5)); print(1, flush=True)"
    code = [sys.executable, "-c", f"{handler}; time.sleep(60)"]
    process = start_guarded(code, Path.cwd(), output=subprocess.PIPE)
    assert process.stdout.readline() == "1\n"
    os.killpg(process.pid, 2)
    assert process.wait(timeout=10) == 5
    process.stdin.close()
    process.stdout.close()


def test_progress_counts_and_estimates(capsys):
    with Progress(4) as progress:
        progress.refresh(2)
        assert str(progress) == "0 done, 0 running, 4 waiting, 0 failed, time left unknown"
        progress.start("x")
        progress.finish(Outcome(Unit(("x",), ()), 60.0))
        assert str(progress) == "1 done, 0 running, 3 waiting, 0 failed, about 1 min 30 s left"
        progress.finish(Outcome(Unit(("y",), ()), 1.0, "y failed", ("its log",)))
    shown = capsys.readouterr().err
    assert "done in 60 s: x" in shown
    assert "FAILED: y: y failed\n    its log\n" in shown
