"""The study of the claims, from settings to report, in its quick form; and how it is accepted."""

import random
import subprocess
import sys

import pandas as pd
import pytest

from grvae.storage import load_table, save_json
from studies.claims import accept
from studies.claims.study import load_study
from tests.conftest import PROJECT

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
        "--routed", folder / "routed", "--train", folder / "train.safetensors",
        "--out", folder / "figures",
    )  # fmt: skip
    report = (PROJECT / "reports" / "claims" / "template.md").read_text()
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures == {name for name in figures if f"(figures/{name})" in report}
    assert len(figures) == 8


def test_run_that_comes_out_otherwise_is_named(monkeypatch):
    runs = pd.DataFrame(
        {"setting": ["a", "b"], "seed": [1, 2], "weights_sha256": ["same", "before"]}
    )
    monkeypatch.setattr(accept, "one_by_core", lambda function, cases: [
        {"a": "same", "b": "after"}[case[1]] for case in cases
    ])  # fmt: skip
    monkeypatch.setattr(accept, "images_of", lambda study, setting: None)
    assert accept.check(load_study(PARAMS), runs, 2, random.Random(0)) == ["b 2"]


def test_retrained_run_has_the_bits_of_before(tmp_path, images, monkeypatch):
    monkeypatch.setattr("studies.claims.train.load_images", lambda file: images)
    study = load_study(PARAMS)
    first, again = (accept.retrain(study, "routed", 100, tmp_path) for _ in range(2))
    assert first == again != accept.retrain(study, "routed", 101, tmp_path)
