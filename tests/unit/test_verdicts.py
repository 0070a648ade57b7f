from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from studies.claims.plan import Part, Statement
from studies.claims.verdicts import (
    holds,
    holm_levels,
    judge,
    mean_of,
    share_of_runs,
    verdict_on,
)

REPEATABLE = settings(deadline=None, database=None, derandomize=True, max_examples=100)
TINY = 1e-12

shares = st.floats(0.001, 0.999)
# Coarse, so that some samples do not vary at all.
samples = st.lists(st.integers(0, 20), min_size=2, max_size=6).map(lambda v: np.array(v) / 10)


def statement(**bound):
    return Statement(measure="read_accuracy", variant="gated", **bound)


@pytest.mark.parametrize(
    ("low", "high", "above", "below"),
    [
        (1.01, 2.0, "supported", "refuted"),
        (1.0, 2.0, "undecided", "undecided"),
        (0.5, 1.5, "undecided", "undecided"),
        (0.0, 1.0, "undecided", "undecided"),
        (0.0, 0.99, "refuted", "supported"),
    ],
)
def test_verdict_is_on_which_side_of_the_margin_the_whole_interval_lies(low, high, above, below):
    assert verdict_on(statement(more_than=1.0), low, high) == above
    assert verdict_on(statement(less_than=1.0), low, high) == below


def test_levels_go_up_with_every_rejection():
    levels = holm_levels({"b": 0.02, "a": 0.01, "c": 0.03}, 0.06)
    assert levels == {"a": 0.06 / 3, "b": 0.06 / 2, "c": 0.06}


def test_level_stays_after_the_first_that_is_not_rejected():
    # 0.04 is below 0.06, which it would meet had 0.031 been rejected at 0.03.
    levels = holm_levels({"c": 0.04, "b": 0.031, "a": 0.01}, 0.06)
    assert levels == {"a": 0.06 / 3, "b": 0.06 / 2, "c": 0.06 / 2}


def test_p_value_that_equals_its_level_is_not_rejected():
    # As an interval that ends at the margin leaves its part undecided.
    assert holm_levels({"a": 0.03, "b": 0.04}, 0.06) == {"a": 0.03, "b": 0.03}


def closed_test(p_values, alpha):
    """What the closure of Bonferroni's test rejects, which is what Holm's method rejects."""
    names = list(p_values)
    subsets = [s for size in range(1, len(names) + 1) for s in combinations(names, size)]
    kept = [s for s in subsets if min(p_values[name] for name in s) >= alpha / len(s)]
    return {name for name in names if not any(name in s for s in kept)}


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=6))
@REPEATABLE
def test_part_is_decided_where_the_closed_test_rejects(values):
    p_values = dict(enumerate(values))
    levels = holm_levels(p_values, 0.05)
    assert {name for name in p_values if p_values[name] < levels[name]} == closed_test(
        p_values, 0.05
    )


def random_samples():
    generator = np.random.default_rng(0)
    return generator.normal(0.9, 0.01, 5), generator.normal(0.88, 0.05, 8)


@pytest.mark.parametrize("margin", [-0.05, 0.0, 0.1])
@pytest.mark.parametrize("level", [0.002, 0.05])
def test_difference_of_means_is_tested_as_welch_does(margin, level):
    values, others = random_samples()
    effect = mean_of(values, others, TINY)
    expected = stats.ttest_ind(values, others + margin, equal_var=False)
    assert effect.p_value(margin) == pytest.approx(expected.pvalue)
    assert effect.value == pytest.approx(values.mean() - others.mean())
    ends = stats.ttest_ind(values, others, equal_var=False).confidence_interval(1 - level)
    assert effect.interval(level) == pytest.approx(tuple(ends))


@pytest.mark.parametrize("margin", [0.85, 0.9])
@pytest.mark.parametrize("level", [0.002, 0.05])
def test_mean_alone_is_tested_as_student_does(margin, level):
    values, _ = random_samples()
    effect, expected = mean_of(values, None, TINY), stats.ttest_1samp(values, margin)
    assert effect.p_value(margin) == pytest.approx(expected.pvalue)
    assert effect.value == pytest.approx(values.mean())
    assert effect.interval(level) == pytest.approx(tuple(expected.confidence_interval(1 - level)))


def test_values_that_never_vary_are_known_to_a_step_and_not_exactly():
    # 2.5, 3 and 3.5 have a standard deviation of half a unit.
    still = mean_of(np.full(3, 3.0), None, 0.5)
    assert still.interval(0.05) == mean_of(np.array([2.5, 3.0, 3.5]), None, TINY).interval(0.05)


def test_each_of_two_samples_has_a_spread_of_a_step_at_least():
    still, small, large = np.full(3, 3.0), np.array([2.5, 3.0, 3.5]), np.array([0.0, 1.0, 2.0])
    for one, other in ((still, large), (large, still)):
        spread = [small if sample is still else sample for sample in (one, other)]
        found, expected = mean_of(one, other, 0.5), mean_of(*spread, TINY)
        assert found.interval(0.05) == pytest.approx(expected.interval(0.05))


@given(samples, st.none() | samples, st.floats(-2, 2), shares)
@REPEATABLE
def test_interval_of_a_mean_leaves_out_the_margin_where_the_p_value_is_below_its_level(
    values, others, margin, level
):
    effect = mean_of(values, others, 0.1)
    p_value = effect.p_value(margin)
    assume(p_value != pytest.approx(level))
    low, high = effect.interval(level)
    assert (p_value < level) == (not low <= margin <= high)


def runs_of(count, n):
    return np.array([1.0] * count + [0.0] * (n - count))


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 5), (4, 5), (5, 5), (30, 50)])
def test_share_of_runs_has_the_exact_binomial_interval(count, n):
    effect = share_of_runs(runs_of(count, n))
    low = stats.beta.ppf(0.025, count, n - count + 1) if count else 0
    high = stats.beta.ppf(0.975, count + 1, n - count) if count < n else 1
    assert effect.value == count / n
    assert effect.interval(0.05) == pytest.approx((low, high))


def test_p_value_of_a_share_is_twice_the_smaller_tail():
    # Of three runs at a share of one half, 1/8 has none and 1/8 has all.
    assert share_of_runs(runs_of(0, 3)).p_value(0.5) == pytest.approx(2 / 8)
    assert share_of_runs(runs_of(3, 3)).p_value(0.5) == pytest.approx(2 / 8)


def test_p_value_of_a_share_is_one_at_most():
    # Of two runs at a share of one half, 3/4 have one at least and 3/4 one at most.
    assert share_of_runs(runs_of(1, 2)).p_value(0.5) == 1


@given(
    st.integers(1, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), shares, shares
)
@REPEATABLE
def test_interval_of_a_share_leaves_out_the_margin_where_the_p_value_is_below_its_level(
    runs, margin, level
):
    effect = share_of_runs(runs_of(*runs))
    p_value = effect.p_value(margin)
    assume(p_value != pytest.approx(level))
    low, high = effect.interval(level)
    assert (p_value < level) == (not low <= margin <= high)


@pytest.mark.parametrize("level", [0.05, 0.002])
@pytest.mark.parametrize("is_difference", [True, False])
def test_nine_of_ten_studies_find_an_effect_at_the_distance_that_is_called_detectable(
    level, is_difference
):
    generator = np.random.default_rng(0)
    spread_of_one = np.array([-1.0, -1, 0, 1, 1])
    distance = mean_of(spread_of_one, spread_of_one if is_difference else None, TINY).detectable(
        level
    )
    values = generator.normal(distance, 1, size=(1000, 5))
    others = generator.normal(0, 1, size=(1000, 5)) if is_difference else [None] * 1000
    found = [mean_of(*pair, TINY).p_value(0) < level for pair in zip(values, others, strict=True)]
    # Welch's degrees of freedom vary with the samples, so that a difference is found less often.
    assert np.mean(found) == pytest.approx(0.9, abs=0.1 if is_difference else 0.03)


# Runs of two variants: `good` reads nearly everything, `poor` about half, and neither varies much.
RUNS = pd.DataFrame(
    {
        "variant": ["good"] * 5 + ["poor"] * 4,
        "read_accuracy": [0.97, 0.98, 0.98, 0.97, 0.98, 0.5, 0.52, 0.48, 0.51],
        "squared_error": [9.0, 9.1, 9.0, 9.2, 9.1, 14.0, 14.2, 14.1, 14.3],
        "good_run": [1, 1, 1, 1, 1, 0, 0, 1, 0],
    }
)
CONTROL = Statement(measure="read_accuracy", variant="good", more_than=0.9)


def part(control=CONTROL, **of):
    return Part(says="", control=control, **of)


READS = part(measure="read_accuracy", variant="good", minus="poor", more_than=0.3)


def test_runs_are_judged_part_by_part():
    parts = {
        "reads": READS,
        "draws": part(measure="squared_error", variant="good", minus="poor", more_than=-4.9),
        "read": part(measure="read_accuracy", variant="poor", more_than=0.6),
        "good": part(measure="good_run", variant="poor", less_than=0.5),
    }
    findings = judge(parts, RUNS, 0.05)
    assert {name: finding.verdict for name, finding in findings.items()} == {
        "reads": "supported",
        "draws": "undecided",
        "read": "refuted",
        "good": "undecided",
    }
    assert (findings["reads"].n, findings["reads"].n_reference) == (5, 4)
    assert (findings["good"].n, findings["good"].n_reference) == (4, 0)
    assert findings["reads"].value == pytest.approx(0.976 - 0.5025)
    assert findings["draws"].value == pytest.approx(9.08 - 14.15)
    assert findings["good"].value == 0.25
    assert findings["good"].detectable is None


def test_interval_of_a_finding_has_the_level_at_which_its_part_is_tested():
    parts = {
        "reads": READS,
        "draws": part(measure="squared_error", variant="good", minus="poor", more_than=-4.9),
    }
    findings = judge(parts, RUNS, 0.05)
    # The first is rejected, so the second has all that is left.
    assert (findings["reads"].level, findings["draws"].level) == (0.025, 0.05)
    for name, finding in findings.items():
        good, poor = (
            RUNS.loc[RUNS["variant"] == variant, parts[name].measure]
            for variant in ("good", "poor")
        )
        test = stats.ttest_ind(good, poor, equal_var=False)
        expected = test.confidence_interval(1 - finding.level)
        assert (finding.low, finding.high) == pytest.approx(tuple(expected))
        against = stats.ttest_ind(good, poor + parts[name].margin, equal_var=False).pvalue
        assert finding.p_value == pytest.approx(against)


def test_least_distance_is_that_at_the_strictest_level():
    parts = {"reads": READS, "again": READS}
    good, poor = (
        RUNS.loc[RUNS["variant"] == name, "read_accuracy"].to_numpy() for name in ("good", "poor")
    )
    expected = mean_of(good, poor, 1e-4).detectable(0.025)
    assert judge(parts, RUNS, 0.05)["again"].detectable == pytest.approx(expected)


def test_runs_of_equal_values_are_judged_by_the_measure_s_own_step():
    # Ten damaged digits in each of three runs could be nine as well.
    runs = pd.DataFrame({"variant": ["good"] * 3, "damaged_digits": [10, 10, 10]})
    runs["read_accuracy"] = [0.95, 0.95, 0.95]
    damaged = part(measure="damaged_digits", variant="good", more_than=9.0)
    assert judge({"damaged": damaged}, runs, 0.05)["damaged"].verdict == "undecided"


@pytest.mark.parametrize(
    "control",
    [
        Statement(measure="read_accuracy", variant="poor", more_than=0.9),
        Statement(measure="read_accuracy", variant="poor", more_than=0.5),
        Statement(measure="good_run", variant="good", more_than=0.5),
    ],
)
def test_instrument_is_too_short_where_the_control_is_missed_or_in_doubt(control):
    assert not holds(control, RUNS)
    finding = judge({"reads": READS.model_copy(update={"control": control})}, RUNS, 0.05)["reads"]
    assert (finding.control_holds, finding.verdict) == (False, "instrument too short")


def test_control_is_judged_at_its_own_level_however_large_the_family():
    # The interval of `poor` begins at 0.475 at 95 %, and at 0.439 where there are ten parts.
    control = Statement(measure="read_accuracy", variant="poor", more_than=0.47)
    parts = {str(number): READS.model_copy(update={"control": control}) for number in range(10)}
    findings = judge(parts, RUNS, 0.05).values()
    assert {finding.verdict for finding in findings} == {"supported"}
