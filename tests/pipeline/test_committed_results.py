"""What is committed belongs together: parameters, lock, metrics, report and README."""

import json
import re

import pandas as pd
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from studies.claims import report as claims_report
from studies.claims.study import load_study
from tests.conftest import PROJECT
from tools.update_readme import with_blocks

CLAIMS, STUDY = PROJECT / "reports" / "claims", PROJECT / "studies" / "claims"
README = (PROJECT / "README.md").read_text()
METRICS = json.loads((PROJECT / "reports" / "metrics.json").read_text())


def test_readme_shows_what_was_last_measured():
    assert with_blocks(README) == README


def test_readme_numbers_are_those_of_the_metrics():
    accuracy = METRICS["routed"]["argmax_accuracy"]["mean"]
    error = METRICS["routed"]["squared_error_per_image"]["mean"]
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


def test_study_s_lock_was_made_with_its_committed_parameters():
    lock = YAML(typ="safe").load(STUDY / "dvc.lock")["stages"]
    params = YAML(typ="safe").load(STUDY / "params.yaml")
    study = load_study(STUDY / "params.yaml")
    for group, stage in (("settings", "train"), ("other_data", "train_other_data")):
        for name in params[group]:
            values = lock[f"{stage}@{name}"]["params"]["studies/claims/params.yaml"]
            assert values[f"{group}.{name}"] == params[group][name]
            assert {key: values[key] for key in ("first_seed", "defaults", "recipe")} == {
                key: params[key] for key in ("first_seed", "defaults", "recipe")
            }
    for name, setting in study.split.settings.items():
        values = lock[f"split@{name}"]["params"]["studies/claims/params.yaml"]
        assert values[f"split.settings.{name}"] == setting.model_dump()
        assert values["split.recipe"] == params["split"]["recipe"]


@pytest.mark.parametrize("table", ["runs.csv", "split_runs.csv"])
def test_study_s_tables_have_every_seed_of_every_setting(table):
    study, rows = load_study(STUDY / "params.yaml"), pd.read_csv(CLAIMS / table)
    names = study.names if table == "runs.csv" else list(study.split.settings)
    expected = [(name, seed) for name in names for seed in study.seeds_of(name)]
    assert list(zip(rows["setting"], rows["seed"], strict=True)) == expected


def test_study_s_report_is_that_of_its_tables(tmp_path):
    result = CliRunner().invoke(
        claims_report.main,
        [
            *("--params", STUDY / "params.yaml", "--main-params", PROJECT / "params.yaml"),
            *("--runs", CLAIMS / "runs.csv", "--split-runs", CLAIMS / "split_runs.csv"),
            *("--judge", CLAIMS / "judges" / "mnist.json"),
            *("--comparisons", tmp_path / "comparisons.csv"),
            *("--render", CLAIMS / "template.md", tmp_path / "report.md"),
        ],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    for name in ("report.md", "comparisons.csv"):
        assert (tmp_path / name).read_text() == (CLAIMS / name).read_text()


def test_every_file_that_the_readme_and_the_reports_link_to_exists():
    for name in ("README.md", "reports/report.md", "reports/claims/report.md"):
        page = PROJECT / name
        links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", page.read_text())
        local = [link for pair in links for link in pair if link and "://" not in link]
        missing = [link for link in local if not (page.parent / link).exists()]
        assert missing == []


def test_no_seed_of_the_routed_model_has_a_dead_digit():
    runs = pd.read_csv(PROJECT / "reports" / "runs.csv")
    assert runs[runs["variant"] == "routed"]["lowest_recall"].min() >= 0.5
