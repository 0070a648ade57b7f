"""`grvae repro` on the project's own graphs: one small, of the other what would run where."""

import pytest

from fanout.pipeline import plan_units, read_graph, split_upstream
from studies.claims.study import load_study
from tests.conftest import PROJECT
from tests.fanout.conftest import DVC, GRVAE, ran
from tests.project import Project

pytest.importorskip("distributed")


def test_each_variant_of_the_study_is_a_unit():
    file = "studies/claims/dvc.yaml"
    graph, study = read_graph(PROJECT), load_study(PROJECT / "studies/claims/params.yaml")
    upstream, apart = split_upstream(graph, file)
    before = {f"{file}:resolve"} | {
        f"{file}:{stage}@{dataset}"
        for stage in ("download", "train_reader")
        for dataset in ("mnist", "fashion_mnist", "digits")
    }
    assert set(upstream) == before
    units = plan_units(graph, apart, graph)
    assert len(units) == len(study.variants) + len(study.halves.variants)
    stages = {stage for unit in units for stage in unit.stages}
    left = {stage for stage in graph if stage.startswith(file)} - stages
    assert left - before == {f"{file}:{name}" for name in ("summarise", "figures", "report")}


@pytest.mark.slow
def test_runs_of_the_workers_are_those_of_the_caller_to_the_bit(tmp_path):
    project = Project(tmp_path / "project")
    output = project.run(*GRVAE, "repro", "-j", "2")
    assert {stage.split("@")[0] for stage in ran(output)}.isdisjoint({"train", "evaluate"})
    lock = (project.folder / "dvc.lock").read_bytes()
    project.run(*DVC, "repro", "--force", "--single-item", "train@routed-0")
    assert (project.folder / "dvc.lock").read_bytes() == lock
    assert (project.folder / "logs" / "baseline-1.json").exists()
