"""Intervals of what a part bounds, and the verdict that follows from one.

What is bounded or skewed, such as an accuracy that a rare class collapse lowers, is summed up by
its median, with order statistics as ends. Counts of runs have the exact binomial interval. Squared
errors and what certificates explain, which no recorded run has moved far, have Student's or
Welch's.
"""

from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from grvae.base.errors import GrvaeError
from studies.plan import MEASURES, Statement

Verdict = Literal["supported", "refuted", "undecided", "control failed"]

CONTROL_LEVEL = 0.1  # a control bounds one side: 5 % there


@dataclass(frozen=True)
class Estimate:
    """A value with its interval.

    Attributes:
        value: a median or mean, a difference of two, or a share of runs.
        low: lower end of the interval; nan where the runs are too few to have one.
        high: upper end.
    """

    value: float
    low: float = nan
    high: float = nan


def decide(part: Statement, control: Statement, found: Estimate, runs: pd.DataFrame) -> Verdict:
    """The verdict on a part that was estimated so, if its control is met."""
    holds = verdict_on(control, estimate(control, runs, CONTROL_LEVEL)) == "supported"
    return verdict_on(part, found) if holds else "control failed"


def verdict_on(statement: Statement, estimate: Estimate) -> Verdict:
    """Whether an interval lies on the claimed side of the margin, on the other, or across it."""
    is_above, is_below = estimate.low > statement.margin, estimate.high < statement.margin
    supports, refutes = (
        (is_above, is_below) if statement.more_than is not None else (is_below, is_above)
    )
    return "supported" if supports else "refuted" if refutes else "undecided"


def check_reach(name: str, statement: Statement, runs: pd.DataFrame) -> None:
    """Refuse a margin beyond which no value could lie, given the reference's median.

    Raises:
        GrvaeError: naming the part, the margin, the reference's value and what is possible.
    """
    measure, margin = MEASURES[statement.measure], statement.margin
    minus = statement.minus
    reference = float(np.median(values_of(minus, statement, runs))) if minus else 0.0
    needed = reference + margin
    if needed >= measure.highest if statement.more_than is not None else needed <= measure.lowest:
        raise GrvaeError(
            f"plan.yaml: {name}: got the margin {margin:g}, which is out of reach: {reference:.4g} "
            f"{margin:+.4g} is {needed:.4g}, allowed: {measure.lowest:g} to {measure.highest:g}"
        )


def values_of(variant: str, statement: Statement, runs: pd.DataFrame) -> np.ndarray:
    """The measure (run,) of a variant's runs."""
    values = runs.loc[runs["variant"] == variant, statement.measure]
    return values.to_numpy(dtype=float)


def estimate(statement: Statement, runs: pd.DataFrame, level: float) -> Estimate:
    """What the runs say of the quantity that a statement bounds.

    The interval may miss with a probability of `level`.
    """
    values = values_of(statement.variant, statement, runs)
    others = values_of(statement.minus, statement, runs) if statement.minus else None
    match MEASURES[statement.measure].kind:
        case "runs":
            return share_of_runs(values, level)
        case "mean":
            return mean_of(values, others, level)
        case "median":
            return median_of(values, others, level)


def share_of_runs(values: np.ndarray, level: float) -> Estimate:
    """The share of ones among values (run,) of 0 and 1; the interval is Clopper and Pearson's."""
    found = stats.binomtest(int(values.sum()), len(values)).proportion_ci(1 - level)
    return Estimate(float(values.mean()), float(found.low), float(found.high))


def mean_of(values: np.ndarray, others: np.ndarray | None, level: float) -> Estimate:
    """The mean of values (run,), or how far it lies above that of others (run,).

    Source: Student 1908; Welch 1947, "The generalization of 'Student's' problem".
    """
    if others is None:
        value = values.mean()
        ends = stats.ttest_1samp(values, 0.0).confidence_interval(1 - level)
    else:
        value = values.mean() - others.mean()
        ends = stats.ttest_ind(values, others, equal_var=False).confidence_interval(1 - level)
    return Estimate(float(value), float(ends.low), float(ends.high))


def median_of(values: np.ndarray, others: np.ndarray | None, level: float) -> Estimate:
    """The median of values (run,), or how far it lies above that of others (run,).

    The ends are order statistics, which hold for any distribution. Two medians share the level, in
    a way that their numbers of runs alone decide.

    Source: Conover 1999, "Practical Nonparametric Statistics", section 3.2.
    """
    others = np.zeros(0) if others is None else others
    n, m = len(values), len(others)
    allowed = [
        (cut / n + (other / m if m else 0), cut, other)
        for cut, miss in misses(n)
        for other, other_miss in misses(m)
        if miss + other_miss <= level
    ]
    value = np.median(values) - (np.median(others) if m else 0)
    if not allowed:
        return Estimate(float(value))
    _, cut, other = max(allowed)
    (low, high), (below, above) = inner(values, cut), inner(others, other)
    return Estimate(float(value), low - above, high - below)


def misses(n: int) -> list[tuple[int, float]]:
    """How often a median lies beyond the cut-th of n runs from either end, by cut."""
    if n == 0:
        return [(0, 0.0)]
    return [(cut, 2 * float(stats.binom.cdf(cut - 1, n, 0.5))) for cut in range(1, n // 2 + 1)]


def inner(values: np.ndarray, cut: int) -> tuple[float, float]:
    """The cut-th of values (run,) from either end; 0 where there are none."""
    ordered = np.sort(values)
    return (float(ordered[cut - 1]), float(ordered[-cut])) if len(values) else (0.0, 0.0)
