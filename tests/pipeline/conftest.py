import pytest

from tests.project import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after its first full run, committed."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.run("dvc", "repro")
    project.commit()
    return project
