"""What is committed belongs together: parameters, lock, metrics, report and README."""

import hashlib
import json
import re
import textwrap
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.params import load_variant
from studies.claims import report as claims_report
from studies.claims.plan import OF_A_VAE, load_plan
from studies.claims.registration import REGISTERED, load_deviations, load_registration, unexplained
from studies.claims.study import load_study
from tests.conftest import PROJECT
from tools.update_readme import PAGES, with_blocks

CLAIMS, STUDY = PROJECT / "studies" / "reports" / "claims", PROJECT / "studies" / "claims"
README = (PROJECT / "README.md").read_text()
METRICS = json.loads((PROJECT / "reports" / "summary.json").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_what_was_last_measured(page):
    assert with_blocks(page) == (PROJECT / page).read_text()


def test_readme_numbers_are_those_of_the_metrics():
    accuracy = METRICS["gated"]["argmax_accuracy"]["median"]
    error = METRICS["gated"]["squared_error_per_image"]["median"]
    assert f"**{100 * accuracy:.1f} %" in README
    assert f"squared error per image of {error:.2f}" in README


def test_metrics_are_the_means_of_the_runs():
    runs = pd.read_csv(PROJECT / "reports" / "runs.csv")
    means = runs[runs["variant"] == "routed"].mean(numeric_only=True)
    for name in ("argmax_accuracy", "squared_error_per_image", "probe_accuracy"):
        assert abs(METRICS["routed"][name]["mean"] - means[name]) < 1e-9


def test_page_in_the_repository_is_small_and_shows_the_committed_runs(params):
    page = PROJECT / "grvae" / "demo"
    files = [*page.glob("*.*"), *page.glob("data/*.js")]
    assert sum(file.stat().st_size for file in files) <= 1_500_000
    runs = pd.read_csv(PROJECT / "reports" / "runs.csv").set_index(["variant", "seed"])
    for variant in (params.variants[0], "baseline"):
        script = (page / "data" / f"{variant}-{params.seeds[0]}.js").read_text()
        shown = json.loads(script.partition(", ")[2].removesuffix(");\n"))
        assert shown["recipe"] == params.variant(variant).recipe.written()
        for name, value in shown["measures"].items():
            assert name == "images" or value == runs.loc[variant, params.seeds[0]][name]


def test_variants_are_those_of_the_committed_parameters_and_the_lock_s_runs_are_theirs(params):
    lock = YAML(typ="safe").load(PROJECT / "dvc.lock")["stages"]
    assert {path.stem for path in (PROJECT / "variants").iterdir()} == set(params.variants)
    for name, variant in params.resolve().items():
        file = PROJECT / "variants" / f"{name}.json"
        assert load_variant(file) == variant
        md5 = hashlib.md5(file.read_bytes()).hexdigest()
        for seed in params.seeds:
            hashes = {dep["path"]: dep["md5"] for dep in lock[f"train@{name}-{seed}"]["deps"]}
            assert hashes[f"variants/{name}.json"] == md5


def test_study_s_lock_was_made_with_its_committed_parameters(params):
    lock = YAML(typ="safe").load(PROJECT / "studies" / "dvc.lock")["stages"]
    study = load_study(STUDY / "params.yaml")
    for name in study.variants:
        file = STUDY / "variants" / f"{name}.json"
        md5 = hashlib.md5(file.read_bytes()).hexdigest()
        for stage in (*(f"train@{name}-{seed}" for seed in study.seeds), f"measure@{name}"):
            hashes = {Path(dep["path"]).name: dep["md5"] for dep in lock[stage]["deps"]}
            assert hashes[file.name] == md5
        measured_by = lock[f"measure@{name}"]["params"]
        assert measured_by["../params.yaml"] == {"evaluation": params.evaluation.model_dump()}
        assert measured_by["claims/params.yaml"] == {
            "seeds": study.seeds,
            "probe_images": study.probe_images,
        }


@pytest.mark.parametrize("study", REGISTERED)
def test_no_registered_file_has_changed_without_a_reason(study):
    assert unexplained(PROJECT / study) == []


@pytest.mark.parametrize("study", REGISTERED)
def test_all_that_decides_a_verdict_is_registered(study):
    assert set(load_registration(PROJECT / study)["sha256"]) == set(REGISTERED[study])


@pytest.mark.parametrize("study", REGISTERED)
def test_each_deviation_is_of_a_registered_file(study):
    files = {deviation.file for deviation in load_deviations(PROJECT / study)}
    assert files <= set(REGISTERED[study])


def test_study_s_table_has_every_seed_of_every_variant():
    study, rows = load_study(STUDY / "params.yaml"), pd.read_csv(CLAIMS / "runs.csv")
    expected = [(name, seed) for name in study.variants for seed in study.seeds]
    assert list(zip(rows["variant"], rows["seed"], strict=True)) == expected
    assert list(rows.columns) == ["variant", "seed", *OF_A_VAE]


def test_study_s_report_and_findings_are_those_of_its_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    result = CliRunner().invoke(
        claims_report.main,
        [
            *("--params", STUDY / "params.yaml", "--plan", STUDY / "plan.yaml"),
            *("--runs", CLAIMS / "runs.csv", "--reader", CLAIMS / "readers" / "mnist.json"),
            *("--pilot", CLAIMS / "pilot.csv"),
            *("--findings", tmp_path / "findings.csv"),
            *("--render", CLAIMS / "template.md", tmp_path / "report.md"),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    for name in ("report.md", "findings.csv"):
        assert (tmp_path / name).read_text() == (CLAIMS / name).read_text()


def test_study_has_a_figure_for_each_claim_and_no_other():
    variants = load_study(STUDY / "params.yaml").variants
    claims = load_plan(STUDY / "plan.yaml", variants).claims
    figures = {path.name for path in (CLAIMS / "figures").iterdir()}
    assert figures == {f"{name}.png" for name in claims}


def test_every_file_that_the_readme_and_the_reports_link_to_exists():
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("reports/**/*.md")]
    pages += PROJECT.glob("studies/reports/**/*.md")
    for page in pages:
        if page.name.endswith("template.md") or page.name == "results.md":
            continue  # parts of other pages
        links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", page.read_text())
        local = [link for pair in links for link in pair if link and "://" not in link]
        missing = [link for link in local if not (page.parent / link).exists()]
        assert missing == [], page


def test_code_that_the_readme_shows_stands_in_the_training_loop():
    (block,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    source = (PROJECT / "grvae" / "model" / "training.py").read_text()
    assert textwrap.indent(block, " " * 8) in source
