"""The project as others get it: cloned with another idea of line ends, or as an archive."""

import shutil

import pytest

from tests.project import Project


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """The project's files, committed, before any run."""
    return Project(tmp_path_factory.mktemp("untouched") / "project")


def test_clone_has_every_byte_whatever_git_is_told_of_line_ends(untouched, tmp_path):
    clone = tmp_path / "clone"
    settings = ["-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    untouched.run("git", *settings, "clone", "--quiet", ".", str(clone))
    names = untouched.run("git", "ls-files").splitlines()
    assert len(names) > 100
    folders = clone, untouched.folder
    assert [n for n in names if len({(folder / n).read_bytes() for folder in folders}) > 1] == []


def test_archive_without_git_runs_by_make_and_says_by_itself_what_is_missing(untouched, tmp_path):
    archive = Project(tmp_path / "archive", like=untouched.folder)
    make_scm = ["make", "--old-file", ".venv/installed", "scm"]
    archive.run(*make_scm)
    assert not (archive.folder / ".dvc" / "config.local").exists()  # git stays DVC's record
    shutil.rmtree(archive.folder / ".git")
    output = archive.run("dvc", "repro", "resolve", code=255)
    assert output.splitlines() == [f"ERROR: {archive.folder} is not a git repository"]
    archive.run(*make_scm)
    assert "Running stage 'resolve'" in archive.run("dvc", "repro", "resolve")
