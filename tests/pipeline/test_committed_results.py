"""What is committed belongs together: parameters, lock, metrics, report and README."""

import json
import re

import pandas as pd
from ruamel.yaml import YAML

from tests.conftest import PROJECT
from tools.update_readme import with_blocks

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


def test_every_file_that_the_readme_and_the_report_link_to_exists():
    for name in ("README.md", "reports/report.md"):
        page = PROJECT / name
        links = re.findall(r"\]\(([^)#]+)\)|src=\"([^\"]+)\"", page.read_text())
        local = [link for pair in links for link in pair if link and "://" not in link]
        missing = [link for link in local if not (page.parent / link).exists()]
        assert missing == []


def test_no_seed_of_the_routed_model_has_a_dead_digit():
    runs = pd.read_csv(PROJECT / "reports" / "runs.csv")
    assert runs[runs["variant"] == "routed"]["lowest_recall"].min() >= 0.5
