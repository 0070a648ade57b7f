"""Where caller and workers meet."""

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from fanout.commands import DVC, ask_dvc
from fanout.exchange import open_exchange, read_settings


@pytest.fixture
def project(tmp_path):
    """A DVC project in which nothing has run."""
    folder = tmp_path / "project"
    folder.mkdir()
    subprocess.run([*DVC, "init", "--no-scm", "--quiet"], cwd=folder, check=True)
    (folder / ".dvc" / "cache").mkdir()
    return folder


@pytest.mark.parametrize("chosen", [None, "../elsewhere"])
def test_workers_meet_the_caller_in_the_folder_that_dvc_names(project, chosen):
    if chosen:
        (project / chosen).mkdir()
        ask_dvc(project, "cache", "dir", chosen)
    with open_exchange(project, [], b"project", "job", read_settings(project), None) as cache:
        assert cache == Path(ask_dvc(project, "cache", "dir").strip())


def test_what_a_killed_caller_left_in_the_shared_cache_the_next_one_removes(project):
    meeting = project / ".dvc" / "cache" / "fanout"
    killed = open_exchange(project, [], b"project", "first", {}, None)
    killed.__enter__()  # and never left
    assert [path.name for path in meeting.iterdir()] == ["first"]
    with open_exchange(project, [], b"project", "second", {}, None):
        assert [path.name for path in meeting.iterdir()] == ["second"]
    assert list(meeting.iterdir()) == []
