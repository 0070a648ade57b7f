"""What runs where, from the graph and what DVC finds stale; nothing is run."""

import io
import os
import subprocess
import tarfile

import pytest

from fanout.pipeline import Unit, plan, plan_units, split_upstream
from fanout.snapshot import take_snapshot
from grvae.base.errors import GrvaeError

GRAPH = {
    "download": [],
    "train@a-0": ["download"],
    "train@a-1": ["download"],
    "evaluate@a-0": ["download", "train@a-0"],
    "evaluate@a-1": ["download", "train@a-1"],
    "probe": ["download"],
    "summarise": ["evaluate@a-0", "evaluate@a-1", "probe"],
    "demo@x": ["summarise"],
}
APART = ["train@a-0", "train@a-1", "probe", "evaluate@a-0", "evaluate@a-1"]


def test_upstream_runs_first_and_what_gathers_the_matrix_is_left_to_dvc():
    upstream, apart = split_upstream(GRAPH, "dvc.yaml")
    assert upstream == ["download"]
    assert sorted(apart) == sorted(APART)


def test_stage_of_a_matrix_that_several_rows_need_runs_before_them():
    data = {"download@a": [], "download@b": []}
    rows = {f"train@{v}-{s}": [f"download@{v}"] for v in "ab" for s in (0, 1)}
    measured = {f"evaluate@{row[6:]}": [row, f"download@{row[6]}"] for row in rows}
    upstream, apart = split_upstream(data | rows | measured, "dvc.yaml")
    assert sorted(upstream) == ["download@a", "download@b"]
    assert sorted(apart) == sorted([*rows, *measured])
    assert len(plan_units(data | rows | measured, apart, apart)) == 4


def test_stage_stands_after_what_it_depends_on():
    _, apart = split_upstream(GRAPH, "dvc.yaml")
    assert apart.index("evaluate@a-0") > apart.index("train@a-0")


def test_graph_without_matrix_has_nothing_to_fan_out():
    assert split_upstream({"download": [], "train": ["download"]}, "dvc.yaml") == ([], [])


def test_stages_of_other_files_are_left_to_dvc():
    other = {
        "other/dvc.yaml:judge": ["download"],
        "other/dvc.yaml:train@x": ["other/dvc.yaml:judge"],
    }
    graph = GRAPH | {"pictures.dvc": []} | other
    assert split_upstream(graph, "dvc.yaml") == split_upstream(GRAPH, "dvc.yaml")


def test_pipeline_of_another_file_waits_for_the_main_one_and_fans_out_its_own_stages():
    graph = GRAPH | {
        "other/dvc.yaml:judge": ["download"],
        "other/dvc.yaml:train@x": ["download"],
        "other/dvc.yaml:measure@x": ["other/dvc.yaml:train@x", "other/dvc.yaml:judge"],
        "other/dvc.yaml:report": ["other/dvc.yaml:measure@x"],
    }
    upstream, apart = split_upstream(graph, "other/dvc.yaml")
    assert upstream == ["download", "other/dvc.yaml:judge"]
    assert apart == ["other/dvc.yaml:train@x", "other/dvc.yaml:measure@x"]


def test_rows_of_a_matrix_are_units():
    assert plan_units(GRAPH, APART, GRAPH) == [
        Unit(("train@a-0", "evaluate@a-0"), ("download",)),
        Unit(("train@a-1", "evaluate@a-1"), ("download",)),
        Unit(("probe",), ("download",)),
    ]


def test_what_follows_a_stale_stage_runs_too():
    assert plan_units(GRAPH, APART, {"train@a-1"}) == [
        Unit(("train@a-1", "evaluate@a-1"), ("download",))
    ]


def test_fresh_stage_is_an_input_of_the_stale_one_after_it():
    assert plan_units(GRAPH, APART, {"evaluate@a-0", "summarise"}) == [
        Unit(("evaluate@a-0",), ("download", "train@a-0"))
    ]


GATHERED = {
    "download": [],
    "train@a-0": ["download"],
    "train@a-1": ["download"],
    "measure@a": ["train@a-0", "train@a-1"],
    "draw@a": ["measure@a", "download"],
}


def test_stage_that_gathers_rows_is_a_unit_that_waits_for_theirs_and_restores_them():
    rows = ["train@a-0", "train@a-1"]
    assert plan_units(GATHERED, [*rows, "measure@a", "draw@a"], GATHERED) == [
        Unit(("train@a-0",), ("download",)),
        Unit(("train@a-1",), ("download",)),
        Unit(("measure@a", "draw@a"), ("download",), ("train@a-0", "train@a-1")),
    ]


def test_stage_that_gathers_rows_of_which_one_is_stale_follows_it():
    apart = ["train@a-0", "train@a-1", "measure@a"]
    assert plan_units(GATHERED, apart, {"train@a-1"}) == [
        Unit(("train@a-1", "measure@a"), ("download", "train@a-0"))
    ]


def test_plan_says_what_runs_before_on_and_after_the_workers():
    first, units, last = plan(GRAPH | {"other/dvc.yaml:x": ["download"]}, "dvc.yaml", {"download"})
    assert first == ["download"]
    assert len(units) == 3
    assert last == ["summarise", "demo@x"]
    assert plan(GRAPH, "dvc.yaml", {"train@a-1"})[0] == []
    assert plan(GRAPH, "dvc.yaml", set()) == ([], [], [])


def test_no_stage_is_in_two_units():
    stages = [stage for unit in plan_units(GRAPH, APART, GRAPH) for stage in unit.stages]
    assert len(stages) == len(set(stages))


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("ignored\n")
    (tmp_path / "new").write_text("one")
    return tmp_path


def test_snapshot_has_untracked_files_but_no_ignored_ones(repository):
    (repository / "ignored").write_text("x")
    assert set(take_snapshot(repository).files) == {".gitignore", "new"}


def test_equal_files_give_equal_archives(repository):
    first = take_snapshot(repository)
    (repository / "new").write_text("one")
    assert take_snapshot(repository).archive == first.archive


def test_identity_is_of_the_files_and_not_of_what_has_been_run(repository):
    first = take_snapshot(repository).identity
    (repository / "dvc.lock").write_text("x")
    assert take_snapshot(repository).identity == first
    (repository / "new").write_text("two")
    assert take_snapshot(repository).identity != first


def test_changed_new_and_deleted_files_are_told_apart(repository):
    (repository / "gone").write_text("x")
    first = take_snapshot(repository)
    (repository / "new").write_text("two")
    (repository / "newer").write_text("x")
    (repository / "gone").unlink()
    assert first.differences(take_snapshot(repository)) == ["gone", "new", "newer"]


def test_name_that_is_not_utf8_is_packed_as_it_is(repository):
    name = os.fsdecode(b"caf\xe9")
    (repository / name).write_text("x")
    snapshot = take_snapshot(repository)
    assert name in snapshot.files
    assert len(snapshot.identity) == 64
    with tarfile.open(fileobj=io.BytesIO(snapshot.archive)) as archive:
        assert name in archive.getnames()


def test_missing_git_is_one_line(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GrvaeError, match="git is not installed"):
        take_snapshot(repository)


def test_repository_inside_the_project_is_refused_by_name(repository):
    subprocess.run(["git", "init", "--quiet", "inner"], cwd=repository, check=True)
    (repository / "inner" / "file").write_text("x")
    with pytest.raises(GrvaeError, match=r"^inner/: a repository in the project"):
        take_snapshot(repository)


def test_folder_without_git_is_refused(tmp_path):
    with pytest.raises(GrvaeError, match="not a git repository"):
        take_snapshot(tmp_path)
