"""Places and projects for the tests of the fan-out."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.fanout.engines import disk_of
from tests.fanout.kills import NOTES, Trainings
from tests.fanout.page import read_lock, small_project
from tests.fanout.toy import DVC, Toy


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


@pytest.fixture
def folder():
    """A folder that other users can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="grvae-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def expected(tmp_path_factory):
    """The dvc.lock that a plain `dvc repro` of the small pipeline leaves."""
    reference = small_project(tmp_path_factory.mktemp("expected") / "project")
    reference.run(*DVC, "repro")
    return read_lock(reference)


@pytest.fixture
def trainings():
    """Those of the test, which notices them."""
    NOTES.mkdir()
    NOTES.chmod(0o1777)  # the workers may be other users
    yield Trainings()
    shutil.rmtree(NOTES)


@pytest.fixture
def disk(folder):
    """A disk for caller and workers to share."""
    with disk_of("512M", folder) as disk:
        yield disk


@pytest.fixture
def workers(folder):
    """Where the workers work, whoever they are; other folders than the caller's."""
    path = folder / "workers"
    path.mkdir()
    path.chmod(0o1777)
    return path
