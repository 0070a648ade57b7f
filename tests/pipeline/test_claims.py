"""The study of the claims, from settings to report, in its quick form; and how it is accepted."""

import io
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.base.storage import load_table, save_json
from studies.claims import accept
from studies.claims.study import load_study
from tests.conftest import PROJECT
from tests.project import ENVIRONMENT

PARAMS = PROJECT / "studies" / "claims" / "params.yaml"


def run(command, *options):
    subprocess.run(
        [sys.executable, "-m", f"studies.claims.{command}", "--params", PARAMS, *options],
        cwd=PROJECT,
        check=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All settings, two short runs each."""
    folder = tmp_path_factory.mktemp("claims")
    tables = "--table", folder / "runs.csv", "--split-table", folder / "split.csv"
    run("quick", "--folder", folder, *tables)
    return folder


@pytest.mark.slow
def test_quick_study_has_every_setting_and_ends_in_a_report(folder):
    study = load_study(PARAMS)
    runs, split = load_table(folder / "runs.csv"), load_table(folder / "split.csv")
    assert runs["setting"].unique().tolist() == study.names
    assert split["setting"].unique().tolist() == list(study.split.settings)
    save_json(folder / "judge.json", {"test_accuracy": 0.5})
    template = PROJECT / "reports" / "claims" / "template.md"
    run(
        "report", "--main-params", PROJECT / "params.yaml", "--runs", folder / "runs.csv",
        "--split-runs", folder / "split.csv", "--judge", folder / "judge.json",
        "--comparisons", folder / "comparisons.csv", "--render", template, folder / "report.md",
    )  # fmt: skip
    report = (folder / "report.md").read_text()
    assert all(f"\n## {claim}. " in report for claim in range(1, 10))
    assert len(load_table(folder / "comparisons.csv")) > 40


@pytest.mark.slow
def test_quick_study_is_drawn(folder):
    run(
        "figures", "--runs", folder / "runs.csv", "--split-runs", folder / "split.csv",
        "--train", folder / "train.safetensors",
        "--out", folder / "figures",
    )  # fmt: skip
    report = (PROJECT / "reports" / "claims" / "template.md").read_text()
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures == {name for name in figures if f"(figures/{name})" in report}
    assert len(figures) == 8


@pytest.mark.slow
def test_run_made_anew_is_the_same_and_another_one_is_not(folder, monkeypatch):
    monkeypatch.setattr(accept, "DATA", folder)
    monkeypatch.setattr(accept, "STUDY_DATA", folder)
    study = load_study(PARAMS)
    runs = [("routed", 100), ("split_longer", 100)]
    rows = [accept.remake(study, *run) for run in runs]
    expected = as_read(rows)
    assert accept.find_changed(expected, [accept.remake(study, *run) for run in runs]) == []
    other = accept.remake(study, "routed", 101) | {"seed": 100}
    assert accept.find_changed(expected, [other, rows[1]]) == ["routed 100"]


def as_read(rows):
    return pd.read_csv(io.StringIO(pd.DataFrame(rows).to_csv(index=False)))


@pytest.mark.parametrize(
    "change", [{"error": 1.5 + 1e-15}, {"weights_sha256": "b"}, {"new": 1.0}, {"error": None}]
)
def test_run_that_comes_out_otherwise_is_named(change):
    rows = [
        {"setting": "a", "seed": 1, "error": 1.5, "share": None, "weights_sha256": "a"},
        {"setting": "a", "seed": 2, "error": 2.5, "share": 0.5, "weights_sha256": "a"},
    ]
    expected = as_read(rows)
    assert accept.find_changed(expected, rows) == []
    assert accept.find_changed(expected, [rows[0] | change, rows[1]]) == ["a 1"]


def test_sample_has_one_run_of_each_of_some_settings():
    runs = pd.DataFrame({"setting": ["a"] * 50 + ["b", "c"], "seed": [*range(50), 7, 8]})
    for count, settings in ((2, 2), (9, 3)):
        sample = accept.draw_sample(runs, count, random.Random(0))
        assert len({setting for setting, _ in sample}) == len(sample) == settings
        assert set(sample) <= set(runs.itertuples(index=False, name=None))


GRAPH = """\
stages:
  train:
    foreach: [x, y]
    do:
      cmd: python stage.py runs/${item}
      deps: [stage.py]
      params:
        - toy.yaml: [scale]
      outs: ["runs/${item}"]
  gather:
    cmd: cat runs/x runs/y > table
    deps: [stage.py, runs]
    outs:
      - table: {cache: false}
"""
STAGE = """\
import pathlib, sys

out = pathlib.Path(sys.argv[1])
out.parent.mkdir(exist_ok=True)
out.write_text(out.name)
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A small pipeline after a run and a change of its code, with neither runs nor cache."""
    monkeypatch.chdir(tmp_path)
    files = {"dvc.yaml": GRAPH, "stage.py": STAGE, "toy.yaml": "scale: 1\n"}
    for name, text in files.items():
        Path(name).write_text(text)
    call_dvc("init", "--quiet", "--no-scm")
    call_dvc("repro", "--quiet")
    shutil.rmtree("runs")
    shutil.rmtree(".dvc/cache")
    Path("stage.py").write_text(f"# clearer\n{STAGE}")


def call_dvc(*arguments):
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, check=False, capture_output=True, text=True)


def accept_all():
    with Repo() as repo, repo.lock:
        accept.accept([*repo.stage.collect("train"), *repo.stage.collect("gather")])


@pytest.mark.usefixtures("clone")
def test_accepted_stages_are_up_to_date_in_a_clone_without_their_outputs():
    look = ("repro", "--dry", "--allow-missing")
    assert "Running stage 'train@x'" in call_dvc(*look).stdout
    outputs = [out for stage in read_lock().values() for out in stage["outs"]]
    accept_all()
    assert "Data and pipelines are up to date." in call_dvc(*look).stdout
    assert [out for stage in read_lock().values() for out in stage["outs"]] == outputs


@pytest.mark.usefixtures("clone")
def test_results_of_other_parameters_are_not_accepted():
    Path("toy.yaml").write_text("scale: 2\n")
    lock = read_lock()
    with pytest.raises(GrvaeError, match=r"other parameters than before.*: train@x, train@y$"):
        accept_all()
    assert read_lock() == lock


def read_lock():
    return YAML(typ="safe").load(Path("dvc.lock"))["stages"]
