from pathlib import Path

from ruamel.yaml import YAML

from grvae.base.layout import DataFolder, keep_only, run_folder
from tests.conftest import PROJECT


def make_runs(runs: Path, *names: str) -> None:
    for name in names:
        (runs / name).mkdir(parents=True)
        (runs / name / "weights.safetensors").touch()


def left(runs: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(runs)) for path in runs.rglob("weights.safetensors"))


def test_runs_that_are_asked_for_stay_and_all_others_go(tmp_path):
    make_runs(tmp_path, "routed/0", "routed/1", "routed/10", "baseline/1")
    keep_only(tmp_path, [("routed", 1), ("baseline", 1)])
    assert left(tmp_path) == ["baseline/1", "routed/1"]


def test_variant_that_nobody_asks_for_leaves_no_folder(tmp_path):
    make_runs(tmp_path, "routed/0", "dropped/0", "dropped/1")
    (tmp_path / "empty").mkdir()
    keep_only(tmp_path, [("routed", 0)])
    assert [path.name for path in tmp_path.iterdir()] == ["routed"]


def test_run_that_is_not_there_yet_is_not_made(tmp_path):
    make_runs(tmp_path, "routed/0")
    keep_only(tmp_path, [("routed", 0), ("baseline", 5)])
    assert [path.name for path in tmp_path.iterdir()] == ["routed"]


def test_same_seed_of_another_variant_is_another_run(tmp_path):
    make_runs(tmp_path, "routed/0", "baseline/0")
    keep_only(tmp_path, [("routed", 0)])
    assert left(tmp_path) == ["routed/0"]


def test_folders_hold_the_files_that_the_graph_names():
    stages = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]
    data, run = DataFolder(Path("data/v")), run_folder(Path("runs"), "v", 7)
    assert run.folder == Path("runs/v/7")

    def outputs(name: str) -> list[Path]:
        outs = stages[name]["outs"]
        return [
            Path(out.replace("${item.variant}", "v").replace("${item.seed}", "7")) for out in outs
        ]

    assert outputs("download") == [data.train, data.validation, data.test]
    assert outputs("train") == [run.weights, run.history]
    assert outputs("evaluate") == [run.measures, run.samples]
