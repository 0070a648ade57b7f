"""Means and intervals over seeds.

Every interval is the two-sided Student t interval of a mean at 95 %. With few seeds it keeps its
coverage where a percentile bootstrap is too narrow (Hesterberg 2015, "What Teachers Should Know
About the Bootstrap", section 5). Two variants share initial weights, batch order and noise at
equal seed, so they are compared by their differences per seed.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        n: number of seeds.
        mean: the mean.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
    """

    n: int
    mean: float
    low: float
    high: float


def estimate(values: np.ndarray) -> Estimate:
    """Mean and Student t interval of one value (seed,) per seed.

    Raises:
        ValueError: fewer than two values have no interval.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"values: got {n}, an interval needs at least 2")
    mean = float(np.mean(values))
    half_width = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * stats.sem(values))
    return Estimate(n, mean, mean - half_width, mean + half_width)


def paired_difference(values: np.ndarray, reference: np.ndarray) -> Estimate:
    """Mean and interval of `values - reference`, both (seed,) in the same order of seeds."""
    if len(values) != len(reference):
        raise ValueError(f"got {len(values)} and {len(reference)} values, should be equal")
    return estimate(values - reference)
