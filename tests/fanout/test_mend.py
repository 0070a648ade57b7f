"""What is made of DVC's records after a kill."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest
from dvc.lock import make_lock

from fanout.mend import is_torn_lock, mend
from grvae.base.errors import GrvaeError
from tests.conftest import PROJECT
from tests.project import ENVIRONMENT

ENTRY = "    - path: x\n      hash: md5\n      md5: 0a.dir\n      size: 12\n      nfiles: 2\n"
WHOLE = f"schema: '2.0'\nstages:\n  a:\n    cmd: a\n    outs:\n{ENTRY}"
LINES = WHOLE.splitlines(keepends=True)


@pytest.fixture
def project(tmp_path):
    """A repository with whole records, of which dvc.lock is committed."""
    records = tmp_path / ".dvc" / "tmp"
    records.mkdir(parents=True)
    (records / "rwlock").write_text("{}")
    (records / "rwlock.lock").touch()
    (records / "lock").touch()
    (tmp_path / "dvc.lock").write_text(WHOLE)
    for command in ("init --quiet", "add dvc.lock", "commit --quiet --message test"):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *identity, *command.split()], cwd=tmp_path, check=True)
    return tmp_path


def test_whole_records_are_kept(project):
    assert mend(project) == []
    assert (project / ".dvc" / "tmp" / "rwlock").exists()


@pytest.mark.parametrize("torn", ["", '{"data": {"wri', "\x00\x00"])
def test_half_written_rwlock_is_removed(project, torn):
    (project / ".dvc" / "tmp" / "rwlock").write_text(torn)
    assert [path.name for path in mend(project)] == ["rwlock"]
    assert not (project / ".dvc" / "tmp" / "rwlock").exists()


@pytest.mark.parametrize("torn", ["", WHOLE[:-1], WHOLE[:30], WHOLE[: WHOLE.index("- path")]])
def test_half_written_lock_gives_way_to_the_committed_one(project, torn):
    (project / "dvc.lock").write_text(torn)
    assert [path.name for path in mend(project)] == ["dvc.lock"]
    assert (project / "dvc.lock").read_text() == WHOLE


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 6, 7, 8, 9])
def test_lock_that_is_cut_at_a_line_end_is_mended(project, lines):
    """All but that after the command: DVC takes what is there for changed and restores the rest."""
    (project / "dvc.lock").write_text("".join(LINES[:lines]))
    assert [path.name for path in mend(project)] == ["dvc.lock"]
    assert (project / "dvc.lock").read_text() == WHOLE


def test_half_written_lock_is_kept_aside(project):
    (project / "dvc.lock").write_text(WHOLE[:30])
    mend(project)
    assert (project / ".dvc" / "tmp" / "torn" / "dvc.lock").read_text() == WHOLE[:30]


def test_lock_is_left_where_git_does_not_give_the_committed_one(project, monkeypatch):
    (project / "dvc.lock").write_text(WHOLE[:30])
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as in another user's clone
    with pytest.raises(GrvaeError, match=r"dvc\.lock: .* dubious ownership"):
        mend(project)
    assert (project / "dvc.lock").read_text() == WHOLE[:30]


def test_lock_that_was_committed_torn_is_put_aside_only(project):
    (project / "dvc.lock").write_text(WHOLE[:30])
    subprocess.run(["git", "commit", "-qam", "torn"], cwd=project, check=True, env=ENVIRONMENT)
    assert [path.name for path in mend(project)] == ["dvc.lock"]
    assert mend(project) == []


def test_name_that_is_not_utf8_does_not_stop_it(project):
    Path(os.fsdecode(os.fsencode(project) + b"/caf\xe9")).touch()
    (project / "dvc.lock").write_text(WHOLE[:30])
    assert [path.name for path in mend(project)] == ["dvc.lock"]


@pytest.mark.parametrize("guard", ["lock", "rwlock.lock"])
def test_hard_link_by_which_a_live_dvc_locks_is_respected(project, guard):
    (project / ".dvc" / "tmp" / "rwlock").write_text("")
    (project / "dvc.lock").write_text("")
    path = project / ".dvc" / "tmp" / guard
    path.unlink()
    with make_lock(str(path), tmp_dir=str(path.parent), hardlink_lock=True):
        kept = {"lock": "dvc.lock", "rwlock.lock": "rwlock"}[guard]
        assert kept not in {record.name for record in mend(project)}
    assert kept in {record.name for record in mend(project)}
    assert not path.exists()


def test_half_written_lock_of_a_pipeline_in_another_folder_is_mended_too(project):
    (project / "study").mkdir()
    (project / "study" / "dvc.lock").write_text(WHOLE[:-1])
    assert mend(project) == [Path("study/dvc.lock")]
    assert not (project / "study" / "dvc.lock").exists()


def test_half_written_lock_that_was_never_committed_is_removed(project):
    subprocess.run(["git", "rm", "--quiet", "--cached", "dvc.lock"], cwd=project, check=True)
    subprocess.run(["git", "update-ref", "-d", "HEAD"], cwd=project, check=True)
    (project / "dvc.lock").write_text(WHOLE[:-1])
    mend(project)
    assert not (project / "dvc.lock").exists()


def test_committed_lock_is_whole_and_a_conflict_in_it_is_left_to_the_person():
    content = (PROJECT / "dvc.lock").read_bytes()
    assert not is_torn_lock(content)
    assert not is_torn_lock(b"<<<<<<< HEAD\n" + content)


@pytest.mark.parametrize("guard", ["lock", "rwlock.lock"])
def test_what_a_live_dvc_is_writing_is_left_alone(project, guard):
    (project / ".dvc" / "tmp" / "rwlock").write_text("")
    (project / "dvc.lock").write_text("")
    with (project / ".dvc" / "tmp" / guard).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = {"lock": "dvc.lock", "rwlock.lock": "rwlock"}[guard]
        assert kept not in {path.name for path in mend(project)}


def test_nothing_is_done_where_dvc_never_ran(tmp_path):
    assert mend(tmp_path) == []
