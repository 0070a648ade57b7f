import math
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from grvae.base.errors import GrvaeError
from studies.plan import Statement
from studies.verdicts import (
    Estimate,
    check_reach,
    decide,
    estimate,
    mean_of,
    median_of,
    share_of_runs,
    verdict_on,
)

LEVELS = [0.003, 0.05]
# Two variants: `good` classifies nearly everything, `poor` about half, and neither varies much.
RUNS = pd.DataFrame(
    {
        "variant": ["good"] * 8 + ["poor"] * 8,
        "accuracy": [0.97, 0.98] * 4 + [0.5, 0.52, 0.48, 0.51] * 2,
        "squared_error": [9.0, 9.1, 9.0, 9.2] * 2 + [14.0, 14.2, 14.1, 14.3] * 2,
        "good_run": [1] * 8 + [0, 0, 1, 0, 0, 0, 0, 0],
    }
)


def statement(measure="accuracy", variant="good", **bound):
    return Statement(measure=measure, variant=variant, **bound)


def ends(found):
    return pytest.approx((found.low, found.high), nan_ok=True)


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (1.01, 2.0, "supported", "refuted"),
        (1.0, 2.0, "undecided", "undecided"),
        (0.5, 1.5, "undecided", "undecided"),
        (0.0, 1.0, "undecided", "undecided"),
        (0.0, 0.99, "refuted", "supported"),
        (math.nan, math.nan, "undecided", "undecided"),
    ],
)
def test_verdict_is_on_which_side_of_the_margin_the_whole_interval_lies(low, high, above, below):
    found = Estimate(1.0, low, high)
    assert verdict_on(statement(more_than=1.0), found) == above
    assert verdict_on(statement(less_than=1.0), found) == below


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [5, 6, 12, 30])
def test_interval_of_a_median_is_the_sign_test_s(n, level):
    values = np.random.default_rng(n).normal(size=n)
    expected = stats.quantile_test(values, p=0.5).confidence_interval(1 - level)
    assert ends(median_of(values, None, level)) == tuple(expected)


def test_difference_of_medians_shares_the_level():
    # Of ten values the ends of all miss their median with a chance of 2 in 1024, of twelve the
    # second ones with 26 in 4096: together 0.0083.
    values, others = np.arange(10.0), np.arange(0, 36, 3.0)
    found = median_of(values, others, 0.0084)
    assert ends(found) == (0 - 30, 9 - 3)
    assert found.value == 4.5 - 16.5
    assert ends(median_of(values, others, 0.0082)) == (0 - 33, 9 - 0)


def test_too_few_runs_have_no_interval():
    # Five values lie on one side of their median with a chance of 2 in 32.
    values = np.array([0.9, 0.91, 0.92, 0.93, 0.94])
    assert ends(median_of(values, None, 0.05)) == (math.nan, math.nan)
    assert ends(median_of(values, None, 2 / 32)) == (0.9, 0.94)
    assert math.isnan(median_of(values, np.arange(30.0), 0.05).low)


@pytest.mark.parametrize("level", LEVELS)
def test_means_have_the_intervals_of_student_and_welch(level):
    values, others = np.array([9.0, 9.1, 9.4]), np.array([14.0, 14.5, 13.0, 14.2])
    one = stats.ttest_1samp(values, 9.0).confidence_interval(1 - level)
    two = stats.ttest_ind(values, others, equal_var=False).confidence_interval(1 - level)
    assert ends(mean_of(values, None, level)) == tuple(one)
    assert ends(mean_of(values, others, level)) == tuple(two)
    assert mean_of(values, others, level).value == pytest.approx(values.mean() - others.mean())


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 8), (5, 5)])
def test_share_of_runs_has_the_exact_binomial_interval(count, n):
    values = np.array([1.0] * count + [0.0] * (n - count))
    found = share_of_runs(values, 0.05)
    assert found.value == count / n
    assert count == 0 or stats.binom.sf(count - 1, n, found.low) == pytest.approx(0.025)
    assert count == n or stats.binom.cdf(count, n, found.high) == pytest.approx(0.025)


def test_measure_says_what_is_estimated():
    values, others = (RUNS[RUNS["variant"] == name] for name in ("good", "poor"))
    accuracy, error = (
        estimate(statement(name, minus="poor", more_than=0), RUNS, 0.05)
        for name in ("accuracy", "squared_error")
    )
    assert accuracy == median_of(values["accuracy"].values, others["accuracy"].values, 0.05)
    assert error == mean_of(values["squared_error"].values, others["squared_error"].values, 0.05)
    assert estimate(statement("good_run", "poor", less_than=0.5), RUNS, 0.05).value == 1 / 8


@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        (statement(more_than=0.96), "supported"),
        (statement(more_than=0.975), "control failed"),
        (statement(more_than=0.99), "control failed"),
        (statement("good_run", "poor", less_than=0.1), "control failed"),
    ],
)
def test_control_that_is_missed_or_in_doubt_has_failed(control, verdict):
    part = statement(minus="poor", more_than=0.3)
    assert decide(part, control, estimate(part, RUNS, 0.05), RUNS) == verdict


@pytest.mark.parametrize(
    ("bound", "is_reached"),
    [
        ({"minus": "poor", "more_than": 0.49}, True),
        ({"minus": "good", "more_than": 0.05}, False),  # 0.98 + 0.05 > 1
        ({"minus": "good", "less_than": -0.99}, False),
        ({"more_than": 1.0}, False),
        ({"less_than": 0.0}, False),
        ({"measure": "squared_error", "minus": "poor", "more_than": 50.0}, True),
    ],
)
def test_margin_that_no_value_could_pass_is_refused(bound, is_reached):
    refused = pytest.raises(GrvaeError, match=r"^plan.yaml: part: got the margin .* out of reach")
    with nullcontext() if is_reached else refused:
        check_reach("part", statement(**bound), RUNS)
