import numpy as np
import pandas as pd
import pytest

from grvae.base.statistics import Estimate
from studies.claims.evidence import (
    FULL,
    FULL_LENGTH_CLAIMS,
    PLANNED,
    RULES,
    Comparison,
    at_full_length,
    compare_all,
    estimate_of,
    holm,
    is_better,
    is_right,
    judge_claims,
    p_value,
    paired,
    plans_among,
    share_of_good_runs,
    three_way,
)
from studies.claims.report import write_spread_percent


def runs(**changes):
    """Ten runs a setting in which nothing differs but noise; `setting__measure` moves one mean."""
    names = {name for _, _, *pair in PLANNED for name in pair} | {"kl_0_still"}
    stream = np.random.default_rng(0)
    rows = []
    for name in sorted(names):
        for seed in range(10):
            row = {
                "setting": name,
                "seed": seed,
                "negative_digits": 5.0 if name == "sign_none" else 0.0,
                "read_accuracy": 0.95,
                "probe_accuracy": 0.96,
                "squared_error": 25.0,
                "mean_recognised": 0.99,
                "lowest_recall": 0.9,
                "pure_recognised": 10,
                "own_explained": 0.3,
                "foreign_explained": 0.05,
            }
            for key, value in changes.items():
                setting, measure = key.split("__")
                if setting == name:
                    row[measure] = value
            for measure in (
                "read_accuracy",
                "squared_error",
                "mean_recognised",
                "foreign_explained",
            ):
                row[measure] += stream.normal(0, 1e-3)
            rows.append(row)
    return pd.DataFrame(rows)


def verdicts(table):
    return judge_claims(table, compare_all(table), tuple(RULES))


def comparison(difference, p=0.0, measure="squared_error", setting="changed"):
    return Comparison(3, measure, setting, "usual", Estimate(10, difference, 0, 0), p, p)


def test_holm_multiplies_the_smallest_by_their_number_and_never_falls():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


def test_runs_are_paired_by_seed_and_only_over_common_seeds():
    table = pd.DataFrame(
        {"setting": ["a", "a", "b", "b", "b"], "seed": [1, 2, 3, 2, 1], "x": [5, 7, 100, 4, 3]}
    )
    assert sorted(paired(table, "x", "a", "b")) == [2, 3]


def test_difference_that_never_varies_is_certain_and_none_is_no_difference():
    assert p_value(np.array([2.0, 2.0])) == 0
    assert p_value(np.zeros(5)) == 1


def test_where_nothing_differs_no_difference_is_detected_among_all_comparisons():
    table = runs(sign_none__negative_digits=0.0)
    assert not [c for c in compare_all(table) if c.is_clear]


def test_estimate_is_that_of_the_setting_alone():
    assert estimate_of(runs(routed__read_accuracy=0.5), "routed", "read_accuracy").mean == (
        pytest.approx(0.5, abs=0.01)
    )


def test_good_runs_need_every_recall_and_every_slider():
    table = runs()
    routed = table.index[table["setting"] == "routed"]
    table.loc[routed[0], "lowest_recall"] = 0.84
    table.loc[routed[1], "pure_recognised"] = 9
    good = share_of_good_runs(table)
    assert (good.n, good.mean) == (10, 0.8)
    assert good.low < 0.8 < good.high


@pytest.mark.parametrize(
    ("claim", "changes", "verdict"),
    [
        (1, {}, "holds"),
        (1, {"sign_none__negative_digits": 0.0}, "does not hold"),
        (1, {"sign_relu__negative_digits": 1.0}, "partly"),
        (2, {"kl_0_still__read_accuracy": 0.3}, "holds"),
        (2, {}, "partly"),
        (2, {"kl_03_noise__read_accuracy": 0.6}, "does not hold"),
        (3, {}, "does not hold"),
        (3, {"convolutions__squared_error": 20.0}, "partly"),
        (4, {"routed__pure_recognised": 5}, "holds"),
        (5, {}, "holds"),
        (5, {"routed__mean_recognised": 0.9}, "partly"),
        (5, {"routed__mean_recognised": 0.5}, "does not hold"),
        (6, {}, "does not hold"),
        (6, {"split_penalties_only__foreign_explained": 0.3}, "holds"),
        (
            6,
            {"split_penalties_only__foreign_explained": 0.3, "split__foreign_explained": 0.2},
            "partly",
        ),
        (7, {}, "holds"),
        (7, {"routed_10_percent__read_accuracy": 0.2}, "does not hold"),
        (8, {}, "does not hold"),
        (8, {"beta_4__squared_error": 40.0}, "partly"),
        (9, {}, "does not hold"),
        (9, {"fashion_unrouted__read_accuracy": 0.3}, "partly"),
        (
            9,
            {"fashion_unrouted__read_accuracy": 0.3, "digits_unrouted__read_accuracy": 0.3},
            "holds",
        ),
    ],
)
def test_verdict_follows_its_rule(claim, changes, verdict):
    assert verdicts(runs(**changes))[claim] == verdict


def test_runs_at_full_length_are_judged_by_the_same_rules_and_on_their_own():
    table = runs(routed__mean_recognised=0.5)
    longer = runs(kl_0_still__read_accuracy=0.3)
    longer["setting"] = FULL + longer["setting"]
    both = pd.concat([table, longer])
    full = at_full_length(both)
    assert set(full["setting"]) == set(table["setting"])
    comparisons = compare_all(full, plans_among(full["setting"].unique()))
    verdict = judge_claims(full, comparisons, FULL_LENGTH_CLAIMS)
    assert list(verdict) == list(FULL_LENGTH_CLAIMS)
    assert (verdict[2], verdict[5]) == ("holds", "holds")
    assert verdicts(both)[5] == "does not hold"


def test_comparisons_are_planned_between_given_settings_only():
    assert {plan[0] for plan in plans_among(["routed", "unrouted"])} == {3, 5}
    assert plans_among(["routed"]) == []


def test_all_losses_beaten_is_needed_for_the_eighth_claim():
    worse = {
        f"{name}__squared_error": 40.0
        for name in ("cross_entropy_3", "cross_entropy_30", "digit_prior_3", "digit_prior_6")
    }
    assert verdicts(runs(**worse, beta_4__squared_error=40.0))[8] == "holds"


def test_guess_is_right_only_by_a_clear_gain_worth_naming():
    pairs = [("usual", "changed")]
    assert is_right([comparison(-2.0)], pairs)
    assert not is_right([comparison(-2.0, p=0.2)], pairs)
    assert not is_right([comparison(-0.4)], pairs)
    assert not is_right([comparison(2.0)], pairs)


def test_better_means_clearly_better_in_one_quality_and_worse_in_none():
    lower_error = comparison(3.0, setting="other")  # the other's error is higher
    higher_accuracy = comparison(0.1, measure="read_accuracy", setting="other")
    assert is_better([lower_error], "other")
    assert not is_better([lower_error, higher_accuracy], "other")
    assert not is_better([comparison(3.0, p=0.5, setting="other")], "other")


def test_what_is_neither_is_partly():
    assert [three_way(True, False), three_way(False, True), three_way(False, False)] == [
        "holds",
        "does not hold",
        "partly",
    ]


def test_interval_of_a_share_ends_where_shares_do_unless_it_can_be_negative():
    value = Estimate(10, -0.068, -0.08, -0.05)
    assert write_spread_percent(Estimate(10, 0.99, 0.97, 1.01)) == "99.0 % (97.0 % to 100.0 %)"
    assert write_spread_percent(value, is_bounded=False) == (
        "\N{MINUS SIGN}6.8 % (\N{MINUS SIGN}8.0 % to \N{MINUS SIGN}5.0 %)"
    )
