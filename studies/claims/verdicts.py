"""From the runs to a verdict on each part of each claim.

All parts are one family. Their p-values, each against the part's own margin, are taken in order by
Holm's method (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure"), and each
interval has the level at which Holm tests its part. So an interval leaves out the margin exactly
where the part is decided.

Variants are compared by Welch's t-test: runs of equal seed hardly go together, so pairs gain
nothing. Shares of runs have the exact binomial interval (Clopper & Pearson 1934).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special, stats

from studies.claims.plan import MEASURES, Part, Statement

Verdict = Literal["supported", "refuted", "undecided", "instrument too short"]

CONTROL_LEVEL = 0.05  # of a control's interval, which is not part of the family
POWER = 0.9


@dataclass(frozen=True)
class Effect:
    """A value with its uncertainty, to be tested against any margin.

    Attributes:
        value: a mean, a difference of means, or a share of runs.
        interval: the interval's ends at a level: the probability of missing the true value.
        p_value: two-sided, against a margin.
        detectable: how far from a margin it is found to lie in about nine of ten studies, at a
            level; None for a share of runs.
    """

    value: float
    interval: Callable[[float], tuple[float, float]]
    p_value: Callable[[float], float]
    detectable: Callable[[float], float | None]


@dataclass(frozen=True)
class Finding:
    """What the runs say of one part.

    Attributes:
        n: number of runs.
        n_reference: number of runs that it is compared with; 0 for none.
        value: see `Effect`.
        low: lower end of its interval.
        high: upper end.
        level: of that interval; see Holm's method above.
        p_value: against the margin, not corrected.
        detectable: see `Effect`, at the strictest level of the family.
        control_holds: whether the part's control holds.
        verdict: one of four words.
    """

    n: int
    n_reference: int
    value: float
    low: float
    high: float
    level: float
    p_value: float
    detectable: float | None
    control_holds: bool
    verdict: Verdict


def judge(parts: Mapping[str, Part], runs: pd.DataFrame, alpha: float) -> dict[str, Finding]:
    """A finding for each part, from one row a run; see the module's text."""
    effects = {name: effect_of(part, runs) for name, part in parts.items()}
    p_values = {name: effects[name].p_value(part.margin) for name, part in parts.items()}
    levels = holm_levels(p_values, alpha)
    findings = {}
    for name, part in parts.items():
        effect = effects[name]
        low, high = effect.interval(levels[name])
        control_holds = holds(part.control, runs)
        findings[name] = Finding(
            n=len(values_of(part.variant, part, runs)),
            n_reference=0 if part.minus is None else len(values_of(part.minus, part, runs)),
            value=effect.value,
            low=low,
            high=high,
            level=levels[name],
            p_value=p_values[name],
            detectable=effect.detectable(alpha / len(parts)),
            control_holds=control_holds,
            verdict=verdict_on(part, low, high) if control_holds else "instrument too short",
        )
    return findings


def holm_levels(p_values: Mapping[str, float], alpha: float) -> dict[str, float]:
    """The level at which Holm's method tests each of some hypotheses.

    The smallest p-value is tested at alpha over their number, the next one at alpha over one less,
    and so on; after the first that is not rejected, the level stays.
    """
    levels, left = {}, len(p_values)
    for name in sorted(p_values, key=p_values.__getitem__):
        levels[name] = alpha / left
        if p_values[name] < levels[name]:
            left = max(1, left - 1)
    return levels


def verdict_on(statement: Statement, low: float, high: float) -> Verdict:
    """Whether an interval lies on the claimed side of the margin, on the other, or across it."""
    is_above, is_below = low > statement.margin, high < statement.margin
    supports, refutes = (
        (is_above, is_below) if statement.more_than is not None else (is_below, is_above)
    )
    return "supported" if supports else "refuted" if refutes else "undecided"


def holds(control: Statement, runs: pd.DataFrame) -> bool:
    """Whether a control is clearly met."""
    ends = effect_of(control, runs).interval(CONTROL_LEVEL)
    return verdict_on(control, *ends) == "supported"


def values_of(variant: str, statement: Statement, runs: pd.DataFrame) -> np.ndarray:
    """The measure (run,) of a variant's runs."""
    values = runs.loc[runs["variant"] == variant, statement.measure]
    return values.to_numpy(dtype=float)


def effect_of(statement: Statement, runs: pd.DataFrame) -> Effect:
    """What the runs say of the quantity that a statement bounds."""
    measure = MEASURES[statement.measure]
    values = values_of(statement.variant, statement, runs)
    if measure.counts_runs:
        return share_of_runs(values)
    others = None if statement.minus is None else values_of(statement.minus, statement, runs)
    return mean_of(values, others, measure.step)


def mean_of(values: np.ndarray, others: np.ndarray | None, step: float) -> Effect:
    """The mean of values (run,), or how far it lies above that of others (run,).

    Args:
        values: at least two.
        others: at least two, or None.
        step: what the measure can tell apart at best. No spread counts as smaller: values that
            happen to be equal are not known any better.

    Source: Welch 1947, "The generalization of 'Student's' problem".
    """
    samples = [values] if others is None else [values, others]
    squares = [max(float(np.std(sample, ddof=1)), step) ** 2 / len(sample) for sample in samples]
    error = math.sqrt(sum(squares))
    freedom = error**4 / sum(
        square**2 / (len(sample) - 1) for square, sample in zip(squares, samples, strict=True)
    )
    value = float(np.mean(values)) - (0.0 if others is None else float(np.mean(others)))

    def interval(level: float) -> tuple[float, float]:
        half = float(stats.t.isf(level / 2, freedom)) * error
        return value - half, value + half

    def p_value(margin: float) -> float:
        return float(2 * stats.t.sf(abs(value - margin) / error, freedom))

    def detectable(level: float) -> float:
        bound = stats.t.isf(level / 2, freedom)
        return float(special.nctdtrinc(freedom, 1 - POWER, bound)) * error

    return Effect(value, interval, p_value, detectable)


def share_of_runs(values: np.ndarray) -> Effect:
    """The share of ones among values (run,) of 0 and 1, with the exact binomial interval."""
    count, n = int(values.sum()), len(values)

    def interval(level: float) -> tuple[float, float]:
        found = stats.binomtest(count, n).proportion_ci(1 - level, method="exact")
        return float(found.low), float(found.high)

    def p_value(margin: float) -> float:
        sides = (stats.binom.sf(count - 1, n, margin), stats.binom.cdf(count, n, margin))
        return min(1.0, 2 * float(min(sides)))

    return Effect(count / n, interval, p_value, lambda level: None)
