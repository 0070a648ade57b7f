"""The study of the claims, from variants to report, in its quick form."""

import subprocess
import sys

import pytest

from grvae.base.storage import load_json, load_table, save_json
from studies.claims.quick import SEEDS
from studies.claims.study import load_study
from tests.conftest import PROJECT

PARAMS = PROJECT / "studies" / "claims" / "params.yaml"
MAIN = "--main-params", PROJECT / "params.yaml"


def run(command, *options):
    subprocess.run(
        [sys.executable, "-m", f"studies.claims.{command}", "--params", PARAMS, *options],
        cwd=PROJECT,
        check=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All variants, two short runs each."""
    folder = tmp_path_factory.mktemp("claims")
    tables = "--table", folder / "runs.csv", "--halves-table", folder / "halves.csv"
    run("quick", *MAIN, "--folder", folder, *tables)
    return folder


@pytest.mark.slow
def test_quick_study_has_every_variant_and_ends_in_a_report(folder):
    study = load_study(PARAMS)
    runs, halves = load_table(folder / "runs.csv"), load_table(folder / "halves.csv")
    assert runs["setting"].unique().tolist() == list(study.variants)
    assert halves["setting"].unique().tolist() == list(study.halves.variants)
    assert len(runs) == SEEDS * len(study.variants)
    save_json(folder / "reader.json", {"test_accuracy": 0.5})
    template = PROJECT / "reports" / "claims" / "template.md"
    run(
        "report", "--runs", folder / "runs.csv",
        "--halves-runs", folder / "halves.csv", "--reader", folder / "reader.json",
        "--comparisons", folder / "comparisons.csv", "--render", template, folder / "report.md",
    )  # fmt: skip
    report = (folder / "report.md").read_text()
    assert all(f"\n## {claim}. " in report for claim in range(1, 10))
    assert len(load_table(folder / "comparisons.csv")) > 40


@pytest.mark.slow
def test_quick_study_is_drawn(folder):
    run(
        "figures", "--variants", PROJECT / "studies" / "claims" / "variants.json",
        "--runs", folder / "runs.csv", "--halves-runs", folder / "halves.csv",
        "--train", folder / "digits" / "train.safetensors",
        "--out", folder / "figures",
    )  # fmt: skip
    report = (PROJECT / "reports" / "claims" / "template.md").read_text()
    figures = {path.name for path in (folder / "figures").iterdir()}
    assert figures == {name for name in figures if f"(figures/{name})" in report}
    assert len(figures) == 8


def test_resolved_variants_are_those_of_the_study_by_name():
    written = load_json(PROJECT / "studies" / "claims" / "variants.json")["variants"]
    assert set(written) == set(load_study(PARAMS).variants)
