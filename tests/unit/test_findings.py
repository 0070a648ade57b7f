"""From the tables to findings, and what of a plan is a rule."""

import math
import re

import pandas as pd
import pytest

from grvae.base.errors import GrvaeError
from grvae.base.storage import save_table
from grvae.params import read_params, validate
from studies.findings import find, load_runs
from studies.plan import Plan, Statement
from studies.registration import registered, rule_hashes
from studies.runs import Study
from tests.conftest import PROJECT

PART = {
    "measure": "accuracy", "variant": "gated", "minus": "hard", "more_than": 0.1,
    "says": "It classifies more.", "primary": True,
    "control": {"measure": "accuracy", "variant": "gated", "more_than": 0.5},
}  # fmt: skip
SHARED = {"variants": [], "seeds": [1], "datasets": [], "probe_images": 100}


def plan_of(alpha=0.05, **parts):
    claim = {"title": "A title", "source": "users", "parts": parts or {"better": PART}}
    return validate(Plan, {"alpha": alpha, "claims": {"claim": claim}})


def study_of(**changes):
    runs = {"gated": {"of": "gated", "cpu": [1, 4], "gpu": [9, 5]}, "hard": {"cpu": [1, 9]}}
    return validate(Study, {**SHARED, "runs": runs, **changes})


RUNS = pd.DataFrame(
    {
        "variant": ["gated"] * 9 + ["hard"] * 9,
        "seed": [1, 2, 3, 4, 9, 10, 11, 12, 13, *range(1, 10)],
        "accuracy": [0.91 + i / 100 for i in range(9)] + [0.7 + i / 100 for i in range(9)],
    }
)


def test_part_has_its_quantity_interval_runs_and_verdict():
    (row,) = find(plan_of(), study_of(), RUNS).to_dict("records")
    assert (row["part"], row["margin"], row["n"], row["level"]) == ("better", 0.1, "9, 9", 0.05)
    assert row["value"] == pytest.approx(0.21)
    assert 0.1 < row["low"] < 0.21 < row["high"]
    assert row["verdict"] == "supported"


def test_intervals_of_primary_parts_share_alpha_and_others_do_not():
    parts = {"one": PART, "other": PART, "third": PART | {"primary": False}}
    rows = find(plan_of(**parts), study_of(), RUNS)
    assert rows["level"].tolist() == [0.025, 0.025, 0.05]


def test_part_with_a_declared_run_without_a_row_is_not_yet_measured():
    (row,) = find(plan_of(), study_of(), RUNS[:-1]).to_dict("records")
    assert row["verdict"] == "not yet measured"
    assert math.isnan(row.get("value", math.nan))


def test_row_of_no_declared_run_is_refused():
    fewer = {"gated": {"cpu": [1, 4]}, "hard": {"cpu": [1, 9]}}
    line = "^the tables have runs of gated that params.yaml"
    with pytest.raises(GrvaeError, match=line):
        find(plan_of(), study_of(runs=fewer), RUNS)


def test_part_of_an_unknown_variant_is_refused():
    parts = {"better": PART | {"minus": "routed"}}
    with pytest.raises(GrvaeError, match=r"^plan.yaml: better: params.yaml has no runs of routed$"):
        find(plan_of(**parts), study_of(), RUNS)


def test_tables_are_read_together_and_a_run_has_one_row(tmp_path):
    save_table(tmp_path / "cpu.csv", RUNS[:7])
    save_table(tmp_path / "gpu.csv", RUNS[5:].assign(device="cuda"))
    assert load_runs(tmp_path).equals(RUNS)
    save_table(tmp_path / "gated.csv", RUNS[:1].assign(accuracy=0.5))
    with pytest.raises(GrvaeError, match=r"run 1 of gated has two rows that differ$"):
        load_runs(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure": "beauty"}, "measure: got 'beauty', allowed: accuracy, "),
        ({"less_than": 0.95}, "more_than, less_than: should be one of them"),
        ({"more_than": None}, "more_than, less_than: should be one of them"),
        ({"measure": "good_run", "minus": "hard"}, "minus: should be missing where runs are"),
    ],
)
def test_statement_that_bounds_nothing_is_refused(changes, message):
    bound = {"measure": "accuracy", "variant": "gated", "more_than": 0.9}
    with pytest.raises(ValueError, match=f"^{message}"):
        validate(Statement, bound | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variants": ["routed"]}, "variants: got 'routed', but runs.routed.cpu lacks the seeds"),
        ({"variants": ["hard"], "seeds": [9, 10]}, "variants: got 'hard', but runs.hard.cpu lacks"),
        ({"seeds": [1, 1]}, "seeds: got 1 twice, each may stand once"),
    ],
)
def test_bad_study_says_which_key(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        study_of(**changes)


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ({"of": "none"}, "runs.gated: got the variant 'none', allowed: gated, "),
        ({"of": "gated", "changes": {"epochs": 0}}, "runs.gated: changes.epochs: got 0"),
    ],
)
def test_wrong_recipe_is_named(params, run, line):
    with pytest.raises(GrvaeError, match=f"^{line}"):
        study_of(runs={"gated": run}).resolve(params)


@pytest.mark.parametrize(
    "part",
    [
        PART | {"measure": "probe_accuracy"},
        PART | {"more_than": 0.2},
        PART | {"more_than": None, "less_than": 0.1},
        PART | {"primary": False},
        PART | {"control": PART["control"] | {"more_than": 0.6}},
    ],
)
def test_rules_are_hashed(part):
    assert rule_hashes(plan_of(better=part), study_of()) != rule_hashes(plan_of(), study_of())


def test_alpha_seeds_and_recipes_are_hashed_and_words_are_not():
    usual = rule_hashes(plan_of(), study_of())
    assert rule_hashes(plan_of(alpha=0.01), study_of()) != usual
    for gated in ({"of": "gated", "cpu": [1, 9]}, {"of": "hard", "cpu": [1, 4], "gpu": [9, 5]}):
        runs = {"gated": gated, "hard": {"cpu": [1, 9]}}
        assert rule_hashes(plan_of(), study_of(runs=runs)) != usual
    assert rule_hashes(plan_of(better=PART | {"says": "Other words."}), study_of()) == usual


def test_last_registration_of_a_part_counts():
    entries = [{"sha256": {"a": "1", "b": "2"}}, {"sha256": {"a": "3"}}]
    assert registered(entries) == {"a": "3", "b": "2"}


def test_primary_are_the_first_part_of_each_claim_and_what_is_set_against_the_cross_entropy(params):
    plan = read_params(PROJECT / "studies" / "plan.yaml", Plan)
    recipes = read_params(PROJECT / "studies" / "params.yaml", Study).resolve(params)
    losses = {name for name, variant in recipes.items() if variant.recipe.cross_entropy_weight}
    first = {next(iter(claim.parts)) for claim in plan.claims.values()}
    against = {name for name, part in plan.parts.items() if part.minus in losses}
    assert {name for name, part in plan.parts.items() if part.primary} == first | against
