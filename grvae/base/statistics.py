"""Intervals over seeds, at 95 %.

Accuracies over seeds are skewed: in a rare run a class collapses. No interval of their mean holds
for few seeds, Student's no more than a bootstrap, since most samples have no such run. The median
has an interval whatever the distribution; how often a class collapses stands beside it, as a count.
Two variants share initial weights, batch order and noise at equal seed, so they are compared by
their differences per seed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Median:
    """A median over seeds.

    Attributes:
        median: the median.
        low: lower end of its interval; None for fewer than six seeds, which have none.
        high: upper end.
    """

    median: float
    low: float | None
    high: float | None


def estimate_median(values: np.ndarray) -> Median:
    """Median of one value (seed,) per seed, and its interval from order statistics.

    It covers the median of all possible runs in at least 95 % of the cases, for any distribution;
    of six seeds it is the whole range.

    Source: Conover 1999, "Practical Nonparametric Statistics", section 3.2, as
    `scipy.stats.quantile_test` has it.
    """
    interval: Any = stats.quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    has_ends = np.isfinite(interval).all()
    low, high = (float(end) if has_ends else None for end in interval)
    return Median(float(np.median(values)), low, high)


def paired_difference(values: np.ndarray, reference: np.ndarray) -> Median:
    """Median and interval of `values - reference`, both (seed,) in the same order of seeds."""
    if len(values) != len(reference):
        raise ValueError(f"got {len(values)} and {len(reference)} values, should be equal")
    return estimate_median(values - reference)
