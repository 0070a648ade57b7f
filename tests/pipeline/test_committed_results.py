"""What is committed belongs together, where `dvc repro --dry` does not see it."""

import json
import re
import textwrap

import pandas as pd
import pytest
from click.testing import CliRunner

from grvae.params import read_params
from studies import findings, report
from studies.plan import Plan
from studies.registration import Deviations, registered, rule_hashes
from studies.runs import Study
from tests.conftest import PROJECT
from tools.update_readme import PAGES, with_blocks

STUDY = PROJECT / "studies"
README = (PROJECT / "README.md").read_text()
METRICS = json.loads((PROJECT / "reports" / "summary.json").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_what_was_last_measured(page):
    assert with_blocks(page) == (PROJECT / page).read_text()


def test_readme_numbers_are_those_of_the_metrics():
    accuracy = METRICS["gated"]["argmax_accuracy"]["median"]
    error = METRICS["gated"]["squared_error_per_image"]["median"]
    assert f"**{100 * accuracy:.1f} %" in README
    assert f"squared error per image of {error:.2f}" in README.replace("\n", " ")


def test_page_in_the_repository_is_small():
    page = PROJECT / "grvae" / "demo"
    files = [*page.glob("*.*"), *page.glob("data/*.js")]
    assert sum(file.stat().st_size for file in files) <= 1_500_000


def test_every_part_is_registered_by_its_rules_and_each_change_has_a_reason():
    entries = json.loads((STUDY / "registration.json").read_text())
    plan, study = read_params(STUDY / "plan.yaml", Plan), read_params(STUDY / "params.yaml", Study)
    assert registered(entries) == rule_hashes(plan, study)
    names = [name for entry in entries for name in entry["sha256"]]
    deviations = read_params(STUDY / "deviations.yaml", Deviations).deviations
    explained = [name for deviation in deviations for name in deviation.parts]
    assert all(names.count(name) - 1 == explained.count(name) for name in names)


def test_every_recorded_verdict_is_of_a_part():
    first = pd.read_csv(STUDY / "first_verdicts.csv")
    assert set(first["part"]) <= set(read_params(STUDY / "plan.yaml", Plan).parts)


def test_study_s_report_and_findings_are_those_of_its_tables(tmp_path):
    shared = ["--plan", STUDY / "plan.yaml", "--tables", STUDY / "tables"]
    found = tmp_path / "findings.csv"
    for command, options in (
        (findings.main, ["--params", STUDY / "params.yaml", "--out", found]),
        (
            report.main,
            [
                *("--findings", found, "--pilot", STUDY / "pilot.csv"),
                *("--classifier", STUDY / "reports" / "classifiers" / "mnist.json"),
                *("--template", STUDY / "reports" / "template.md", "--out", tmp_path / "report.md"),
                *("--claims-template", STUDY / "reports" / "claims_template.md"),
                *("--claims", tmp_path / "claims.md", "--figure", tmp_path / "forest.png"),
            ],
        ),
    ):
        words = list(map(str, [*shared, *options]))
        assert CliRunner().invoke(command, words, catch_exceptions=False).exit_code == 0
    for name in ("report.md", "claims.md", "findings.csv", "forest.png"):
        assert (tmp_path / name).read_bytes() == (STUDY / "reports" / name).read_bytes()


def test_study_s_report_is_short():
    words = (STUDY / "reports" / "report.md").read_text().replace("|", " ").split()
    assert len(words) <= 2000


def test_every_file_that_the_readme_and_the_reports_link_to_exists():
    pages = [*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("reports/**/*.md")]
    pages += PROJECT.glob("studies/**/*.md")
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
