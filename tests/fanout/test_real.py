"""`grvae repro` on the project's own graph, small."""

import pytest

from tests.fanout.conftest import DVC, GRVAE, ran
from tests.project import Project

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


def test_runs_of_the_workers_are_those_of_the_caller_to_the_bit(tmp_path):
    project = Project(tmp_path / "project")
    output = project.run(*GRVAE, "repro", "-j", "2")
    assert {stage.split("@")[0] for stage in ran(output)}.isdisjoint({"train", "evaluate"})
    lock = (project.folder / "dvc.lock").read_bytes()
    project.run(*DVC, "repro", "--force", "--single-item", "train@routed-0")
    assert (project.folder / "dvc.lock").read_bytes() == lock
    assert (project.folder / "logs" / "baseline-1.json").exists()
