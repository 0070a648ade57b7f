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

from studies.claims import report as claims_report
from studies.claims.study import load_resolved, load_study, load_to_train
from tests.conftest import PROJECT
from tools.update_readme import PAGES, with_blocks

CLAIMS, STUDY = PROJECT / "reports" / "claims", PROJECT / "studies" / "claims"
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


def test_lock_was_made_with_the_committed_parameters(params):
    lock = YAML(typ="safe").load(PROJECT / "dvc.lock")
    for variant in params.variants:
        for seed in params.seeds:
            values = lock["stages"][f"train@{variant}-{seed}"]["params"]["params.yaml"]
            assert values["latent_act"] == params.latent_act
            assert values["recipe"] == params.recipe.model_dump()
            assert values[f"overrides.{variant}"] == params.overrides[variant]


def test_study_s_lock_was_made_with_its_committed_parameters():
    lock = YAML(typ="safe").load(STUDY / "dvc.lock")["stages"]
    params = YAML(typ="safe").load(STUDY / "params.yaml")
    study = load_resolved(STUDY / "variants.json")
    assert set(study.variants) == set(params["variants"])
    for name in study.variants:
        file = STUDY / "variants" / f"{name}.json"
        assert load_to_train(file) == study.single(name)
        md5 = hashlib.md5(file.read_bytes()).hexdigest()
        for stage in (f"train@{name}", f"measure@{name}"):
            hashes = {Path(dep["path"]).name: dep["md5"] for dep in lock[stage]["deps"]}
            assert hashes[file.name] == md5
        measured_by = lock[f"measure@{name}"]["params"]["studies/claims/variants.json"]
        assert measured_by == {"evaluation": study.evaluation.model_dump()}
    for name, variant in params["halves"]["variants"].items():
        values = lock[f"train_halves@{name}"]["params"]["studies/claims/params.yaml"]
        assert values[f"halves.variants.{name}"] == variant
        assert values["halves.recipe"] == params["halves"]["recipe"]
        assert values["first_seed"] == params["first_seed"]


@pytest.mark.parametrize("table", ["runs.csv", "halves_runs.csv"])
def test_study_s_tables_have_every_seed_of_every_variant(table):
    study, rows = load_study(STUDY / "params.yaml"), pd.read_csv(CLAIMS / table)
    resolved = load_resolved(STUDY / "variants.json")
    if table == "runs.csv":
        counts = {name: resolved.variants[name].seeds for name in study.variants}
    else:
        counts = {name: variant.seeds for name, variant in study.halves.variants.items()}
    expected = [(name, seed) for name in counts for seed in study.seeds_from(counts[name])]
    assert list(zip(rows["setting"], rows["seed"], strict=True)) == expected


def test_study_s_report_is_that_of_its_tables(tmp_path):
    result = CliRunner().invoke(
        claims_report.main,
        [
            *("--params", STUDY / "params.yaml"),
            *("--runs", CLAIMS / "runs.csv", "--halves-runs", CLAIMS / "halves_runs.csv"),
            *("--reader", CLAIMS / "readers" / "mnist.json"),
            *("--comparisons", tmp_path / "comparisons.csv"),
            *("--render", CLAIMS / "template.md", tmp_path / "report.md"),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    for name in ("report.md", "comparisons.csv"):
        assert (tmp_path / name).read_text() == (CLAIMS / name).read_text()


def test_every_file_that_the_readme_and_the_reports_link_to_exists():
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("reports/**/*.md")]
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
