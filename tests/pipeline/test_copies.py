"""The project as others get it: cloned with another idea of line ends, or as an archive."""

import shutil

import pytest

from tests.project import Project


@pytest.fixture
def untouched(tmp_path):
    """The project's files, committed, before any run."""
    return Project(tmp_path / "project")


@pytest.mark.parametrize("line_ends", ["true", "input", "false"])
def test_clone_has_every_byte_whatever_git_is_told_of_line_ends(untouched, tmp_path, line_ends):
    clone = tmp_path / "clone"
    settings = ["-c", f"core.autocrlf={line_ends}", "-c", "core.eol=crlf"]
    untouched.run("git", *settings, "clone", "--quiet", ".", str(clone))
    names = untouched.run("git", "ls-files").splitlines()
    assert len(names) > 100
    changed = [
        name
        for name in names
        if (clone / name).read_bytes() != (untouched.folder / name).read_bytes()
    ]
    assert changed == []


def test_archive_without_git_runs_by_make_and_says_by_itself_what_is_missing(untouched):
    shutil.rmtree(untouched.folder / ".git")
    output = untouched.run("dvc", "repro", "download", code=255)
    assert output.splitlines() == [f"ERROR: {untouched.folder} is not a git repository"]
    untouched.run("make", "--old-file", ".venv/installed", "scm")
    assert "Running stage 'download'" in untouched.run("dvc", "repro", "download")


def test_clone_keeps_git_as_dvcs_record(untouched):
    untouched.run("make", "--old-file", ".venv/installed", "scm")
    assert not (untouched.folder / ".dvc" / "config.local").exists()
