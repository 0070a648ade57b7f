"""What would run where in the study's own graph."""

import pytest

from fanout.hidden import in_sight
from fanout.pipeline import plan_units, read_graph, split_upstream
from studies.claims.study import load_study
from tests.project import Project

pytest.importorskip("distributed")


def test_each_run_of_the_study_is_a_unit_and_each_variant_is_measured_by_one(tmp_path):
    file = "studies/claims/dvc.yaml"
    folder = Project(tmp_path / "project").folder
    assert not any(stage.startswith(file) for stage in read_graph(folder))
    with in_sight(folder, file):
        graph = read_graph(folder)
    study = load_study(folder / "studies/claims/params.yaml")
    upstream, apart = split_upstream(graph, file)
    before = {f"{file}:resolve"} | {
        f"{file}:{stage}@{dataset}"
        for stage in ("download", "train_reader")
        for dataset in ("mnist", "fashion_mnist", "digits")
    }
    assert set(upstream) == before
    units = plan_units(graph, apart, graph)
    names = [unit.name.removeprefix(f"{file}:") for unit in units]
    runs = [f"train@{variant}-{seed}" for variant in study.variants for seed in study.seeds]
    measures = [f"measure@{name}" for name in study.variants]
    # From a table, in seconds.
    longer = [f"longer_resolve, {file}:longer_report", "longer_figures", "longer_doses"]
    assert sorted(names) == sorted([*runs, *measures, *longer])
    stages = {stage for unit in units for stage in unit.stages}
    left = {stage for stage in graph if stage.startswith(file)} - stages
    assert left - before == {f"{file}:{name}" for name in ("summarise", "figures", "report")}
