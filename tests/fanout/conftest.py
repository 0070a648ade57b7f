"""Copies of the toy pipeline, before its first run and after it."""

import shutil

import pytest

from tests.fanout.toy import FANOUT, Toy


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    return Toy(tmp_path_factory.mktemp("fresh") / "toy").create()


@pytest.fixture(scope="session")
def plain(fresh, tmp_path_factory):
    """After a plain `dvc repro`."""
    toy = copy(fresh, tmp_path_factory.mktemp("plain"))
    with toy.dvc() as repo:
        repo.reproduce()
    return toy


@pytest.fixture(scope="session")
def fanned_out(fresh, tmp_path_factory):
    """After the command, with two processes and a library that is loaded once."""
    toy = copy(fresh, tmp_path_factory.mktemp("fanned_out"))
    toy.output = toy.run(*FANOUT, "-j", "2", "--preload", "numpy.random")
    toy.commit()
    return toy


@pytest.fixture
def toy(fresh, tmp_path):
    """Nothing has run."""
    return copy(fresh, tmp_path)


@pytest.fixture
def done(fanned_out, tmp_path):
    """All has run."""
    return copy(fanned_out, tmp_path)


def copy(toy, folder):
    shutil.copytree(toy.folder, folder / "toy", symlinks=True)
    return Toy(folder / "toy")
