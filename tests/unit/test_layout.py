from pathlib import Path

from ruamel.yaml import YAML

from grvae.base.layout import DataFolder, run_folder
from tests.conftest import PROJECT


def test_folders_hold_the_files_that_the_graph_names():
    stages = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]
    data, run = DataFolder(Path("data/d")), run_folder(Path("runs"), "v", 7)
    assert run.folder == Path("runs/v/7")
    names = {"${dataset}": "d", "${item.variant}": "v", "${item.seed}": "7"}

    def outputs(stage: str) -> list[Path]:
        paths = []
        for out in stages[stage]["outs"]:
            for name, value in names.items():
                out = out.replace(name, value)
            paths.append(Path(out))
        return paths

    receipt = Path("data/d/receipt.json")
    assert outputs("download") == [data.train, data.validation, data.test, receipt]
    assert outputs("train") == [run.weights, run.history]
    assert outputs("evaluate") == [run.measures, run.samples]
