"""How often an interval over seeds holds the truth, for accuracies as skewed as those measured."""

import numpy as np
import pytest
from scipy import stats

from grvae.base.statistics import estimate_median

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
