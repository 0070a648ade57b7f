import fcntl
import os
from multiprocessing import forkserver

import pytest

from tests.project import Project


@pytest.fixture(scope="session", autouse=True)
def torch_is_loaded_once():
    """The server that stages are forked from, if other tests have started it, has no torch."""
    forkserver._forkserver._stop()


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """The project's folder after its first full run, committed; all processes share it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "first_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        if not (folder / "first_run").exists():
            project = Project(folder / "first_run.new")
            project.repro()
            project.commit()
            project.folder.rename(folder / "first_run")
    return folder / "first_run"


@pytest.fixture(scope="module")
def project(first_run, tmp_path_factory):
    """The project after its first full run, committed."""
    return Project(tmp_path_factory.mktemp("project") / "copy", like=first_run)
