"""How often an interval over seeds holds the truth, for accuracies as skewed as those measured."""

import numpy as np
import pytest
from scipy import stats

from grvae.base.statistics import estimate_median
from studies.findings import load_runs
from studies.verdicts import CONTROL_LEVEL, mean_of, median_of
from tests.conftest import PROJECT

FALSE_ALARM = 1e-4
TRIALS = 1000
# Argmax accuracy of 60 full-length runs of the mask without a floor: rare runs lose a digit. First
# seeds 1000 to 1009, of which 1003 lost two; then seeds 100 to 149, the rows `full_routed` of
# studies/reports/claims/runs.csv at commit 884781f.
MEASURED = 1e-4 * np.array([
    9760, 9770, 9780, 7640, 9750, 9750, 9750, 9780, 9730, 9780,
    9755, 9738, 9759, 9768, 9739, 9747, 9762, 9779, 9749, 9483,
    9766, 9734, 9752, 9724, 9748, 9755, 9742, 9748, 9771, 9748,
    9729, 9775, 9736, 9766, 9755, 9736, 9764, 9750, 9763, 9771,
    9714, 9753, 9760, 9731, 9755, 9751, 9758, 9724, 9764, 9499,
    9745, 9741, 9733, 9760, 9749, 9757, 9742, 9749, 9745, 9764,
])  # fmt: skip


def coverage(samples, interval, truth):
    """How many of the samples (trial, seed) have an interval that holds the truth."""
    ends = np.array([interval(sample) for sample in samples])
    return int(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).sum())


def at_least(share):
    """The fewest of the trials that an interval of that coverage holds, but for bad luck."""
    return stats.binom.ppf(FALSE_ALARM, TRIALS, share)


def median_interval(sample):
    value = estimate_median(sample)
    return value.low, value.high


def draws(seeds):
    return np.random.default_rng(0).choice(MEASURED, (TRIALS, seeds))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [6, 10, 20])
def test_interval_of_the_headline_holds_where_rare_runs_lose_a_digit(seeds):
    assert coverage(draws(seeds), median_interval, np.median(MEASURED)) >= at_least(0.94)


RUNS = load_runs(PROJECT / "studies" / "tables")


def missed(estimate, level, *populations):
    """How many of the trials have an interval without the truth.

    Args:
        estimate: a way to estimate values, or how far they lie above others.
        level: the probability with which an interval may miss.
        populations: one or two of (all possible runs, number of runs in a trial).
    """
    generator, one = np.random.default_rng(0), [None] * (2 - len(populations))
    truth = estimate(*(runs for runs, _ in populations), *one, 0.5).value
    trials = (
        estimate(*(generator.choice(*population) for population in populations), *one, level)
        for _ in range(TRIALS)
    )
    return sum(trial.low > truth or trial.high < truth for trial in trials)


def recorded(variant, measure="accuracy"):
    return RUNS.loc[RUNS["variant"] == variant, measure].to_numpy(float)


def at_most(level):
    """The most of the trials that an interval of that level misses, but for bad luck."""
    return stats.binom.isf(FALSE_ALARM, TRIALS, level)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.05 / 16, 0.05, CONTROL_LEVEL])
@pytest.mark.parametrize("n", [5, 8, 17])
def test_interval_of_a_study_s_median_holds_where_most_runs_collapse(n, level):
    assert missed(median_of, level, (recorded("hard"), n)) <= at_most(level)


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.05 / 16, 0.05])
@pytest.mark.parametrize("n", [5, 12])
def test_interval_of_a_mean_squared_error_holds_within_two_points(n, level):
    pair = (recorded("hard", "squared_error"), n), (recorded("hard_unrouted", "squared_error"), n)
    assert missed(mean_of, level, *pair) <= at_most(level + 0.02)


# What parts of the study compare.
PAIRS = [
    ("gated_tenth", "gated", "accuracy"),
    ("gated_wrong", "gated", "accuracy"),
    ("gated", "cross_entropy", "accuracy"),
    ("gated", "cross_entropy", "swapped"),
    ("published_none", "published", "negative_classes"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "minus", "measure"), PAIRS)
def test_interval_of_a_study_s_difference_holds(variant, minus, measure):
    pair = [(runs, len(runs)) for runs in (recorded(variant, measure), recorded(minus, measure))]
    for level in (0.05 / 16, 0.05):
        assert missed(median_of, level, *pair) <= at_most(level)
