"""From the runs to what they say of each claim: estimates, paired comparisons, verdicts.

All comparisons and every rule for a verdict were fixed before the study was run; the report's
template repeats them in words. The p-values of all comparisons together are corrected by Holm's
method (Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure").

The study's runs are short. Some settings were also run at the full length of the main recipe; the
same comparisons and rules then say whether the length changes a verdict.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from grvae.base.statistics import CONFIDENCE, Estimate, estimate

Verdict = Literal["holds", "partly", "does not hold"]

ALPHA = 0.05
# Claim 4: what makes a run a good one.
GOOD_RECALL, ALL_DIGITS = 0.85, 10
# Claim 3: a change of the squared error per image that is worth a name, a fiftieth of it.
WORTH_NAMING = 0.5

# Claim 3: what each guess changes; its gain is the error without minus the error with the change.
GUESSES: dict[str, tuple[tuple[str, str], ...]] = {
    "fully connected layers": (("routed", "convolutions"),),
    "ReLU": (("hidden_relu", "routed"),),
    "ten latents": (
        ("routed", "two_latents"),
        ("routed", "four_latents"),
        ("routed", "eight_latents"),
        ("routed", "one_free_latent"),
        ("routed", "ten_free_latents"),
    ),
    "no augmentation": (("no_shifts", "routed"), ("routed", "rotations")),
    "routing": (("routed", "unrouted"),),
}
ALTERNATIVES = ("cross_entropy_3", "cross_entropy_30", "digit_prior_3", "digit_prior_6", "beta_4")
QUALITIES = ("read_accuracy", "squared_error", "mean_recognised")
ROUTED_SHARES = tuple(f"routed_{percent}_percent" for percent in (1, 5, 10, 25, 50))
WRONG_SHARES = tuple(f"wrong_{percent}_percent" for percent in (10, 20, 40))
SOFT_MASKS = ("tenth_off_route", "half_off_route")
OTHER_DATA = ("fashion", "digits")
SPLIT_ABLATIONS = (
    "split_penalties_only",
    "split_no_routing",
    "split_bottom_digits_only",
    "split_no_correlation",
    "split_no_penalties",
    "split_separate_decoders",
    "split_bottom_for_all",
)

# Settings of this prefix are the others at full length.
FULL = "full_"

# Claim, measure, setting, and the setting that it is compared with.
Plan = tuple[int, str, str, str]
PLANNED: tuple[Plan, ...] = (
    *((1, "negative_digits", f"sign_{act}", "sign_relu") for act in ("none", "softplus", "abs")),
    *(
        (2, "read_accuracy", setting, "kl_03_noise")
        for setting in (
            "kl_0_noise",
            "kl_03_still",
            "kl_0_still",
            "kl_03_noise_kl_routed",
            "kl_03_noise_unrouted",
        )
    ),
    *(
        (3, "squared_error", changed, usual)
        for pairs in GUESSES.values()
        for usual, changed in pairs
    ),
    (5, "mean_recognised", "routed", "unrouted"),
    *((6, "foreign_explained", name, "split") for name in SPLIT_ABLATIONS),
    *(
        (7, "read_accuracy", name, "routed")
        for name in (*ROUTED_SHARES, *WRONG_SHARES, *SOFT_MASKS)
    ),
    *((8, measure, name, "routed") for measure in QUALITIES for name in ALTERNATIVES),
    *((9, "read_accuracy", f"{data}_routed", f"{data}_unrouted") for data in OTHER_DATA),
)


@dataclass(frozen=True)
class Comparison:
    """Two settings at equal seeds.

    Attributes:
        claim: number of the claim that it serves.
        measure: what is compared.
        setting: one setting.
        reference: the other one.
        difference: of `setting` minus `reference`, over their common seeds.
        p_value: of a two-sided paired t-test.
        p_corrected: the same among all planned comparisons.
    """

    claim: int
    measure: str
    setting: str
    reference: str
    difference: Estimate
    p_value: float
    p_corrected: float

    @property
    def is_clear(self) -> bool:
        """Whether a difference is detected."""
        return self.p_corrected < ALPHA


def compare_all(runs: pd.DataFrame, plans: Sequence[Plan] = PLANNED) -> list[Comparison]:
    """Some planned comparisons, from one row a run; their p-values are corrected together."""
    differences = [paired(runs, measure, a, b) for _, measure, a, b in plans]
    p_values = [p_value(values) for values in differences]
    return [
        Comparison(*plan, estimate(values), p, corrected)
        for plan, values, p, corrected in zip(
            plans, differences, p_values, holm(p_values), strict=True
        )
    ]


def at_full_length(runs: pd.DataFrame) -> pd.DataFrame:
    """The rows of the runs at full length, under the names of the settings that they lengthen."""
    rows = runs[runs["setting"].str.startswith(FULL)]
    return rows.assign(setting=rows["setting"].str.removeprefix(FULL))


def plans_among(settings: Iterable[str]) -> list[Plan]:
    """The planned comparisons between these settings."""
    known = set(settings)
    return [plan for plan in PLANNED if {plan[2], plan[3]} <= known]


def values_of(runs: pd.DataFrame, setting: str, measure: str) -> np.ndarray:
    """A measure (seed,) of a setting's runs, in the order of their seeds."""
    rows = runs[runs["setting"] == setting].sort_values("seed")
    return rows[measure].to_numpy(dtype=float)


def estimate_of(runs: pd.DataFrame, setting: str, measure: str) -> Estimate:
    """Mean and interval of a measure over a setting's runs."""
    return estimate(values_of(runs, setting, measure))


def paired(runs: pd.DataFrame, measure: str, setting: str, reference: str) -> np.ndarray:
    """Differences (seed,) between two settings over the seeds that both have."""
    tables = [
        runs[runs["setting"] == name].set_index("seed")[measure] for name in (setting, reference)
    ]
    difference: pd.Series[float] = (tables[0] - tables[1]).dropna()
    return difference.to_numpy(dtype=float)


def p_value(differences: np.ndarray) -> float:
    """Two-sided paired t-test against no difference; differences (seed,) that never vary decide."""
    if np.ptp(differences) == 0:
        return 0.0 if differences[0] else 1.0
    return float(stats.ttest_1samp(differences, 0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number: an error in any of them stays below alpha."""
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return corrected.tolist()


def share_of_good_runs(runs: pd.DataFrame) -> Estimate:
    """Claim 4: the share of good runs, with the exact binomial interval (Clopper & Pearson)."""
    rows = runs[runs["setting"] == "routed"]
    good = (rows["lowest_recall"] >= GOOD_RECALL) & (rows["pure_recognised"] == ALL_DIGITS)
    test = stats.binomtest(int(good.sum()), len(good))
    interval = test.proportion_ci(CONFIDENCE, method="exact")
    return Estimate(len(good), float(good.mean()), float(interval.low), float(interval.high))


def judge_claims(
    runs: pd.DataFrame, comparisons: Sequence[Comparison], claims: Sequence[int]
) -> dict[int, Verdict]:
    """The verdict on each of some claims, by the rules of the report's template."""
    return {claim: RULES[claim](runs, of_claim(comparisons, claim)) for claim in claims}


def of_claim(comparisons: Sequence[Comparison], claim: int) -> list[Comparison]:
    """The comparisons that serve one claim."""
    return [comparison for comparison in comparisons if comparison.claim == claim]


def judge_sign(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 1: without an activation digits take the negative side, with ReLU they do not."""
    none, relu = (estimate_of(runs, name, "negative_digits") for name in ("sign_none", "sign_relu"))
    return three_way(none.low > 0 and relu.high < 0.5, none.high < 0.5)


def judge_regularisation(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 2: the KL term and its noise are enough, and needed."""
    enough = estimate_of(runs, "kl_03_noise", "read_accuracy")
    without = estimate_of(runs, "kl_0_still", "read_accuracy")
    return three_way(enough.low >= 0.9 and without.high < enough.low - 0.1, enough.high < 0.9)


def judge_guesses(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 3: every guess at what makes reconstructions poor is right."""
    right = sum(is_right(comparisons, pairs) for pairs in GUESSES.values())
    return three_way(right == len(GUESSES), right == 0)


def judge_luck(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 4: good runs are not to be counted on."""
    good = share_of_good_runs(runs)
    return three_way(good.high < 0.9, good.low > 0.9)


def judge_sliders(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 5: a slider draws its digit."""
    recognised = estimate_of(runs, "routed", "mean_recognised")
    return three_way(recognised.low >= 0.95, recognised.high < 0.8)


def judge_split(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 6: a certificate draws its own half's digits and not the others."""
    own = estimate_of(runs, "split", "own_explained")
    foreign = estimate_of(runs, "split", "foreign_explained")
    parted = any(
        c.setting == "split_penalties_only" and c.is_clear and c.difference.mean > 0
        for c in comparisons
    )
    return three_way(parted and foreign.high <= 0.1 and own.low >= 0.25, not parted)


def judge_absorption(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 7: a tenth of the images routed is enough."""
    few = estimate_of(runs, "routed_10_percent", "read_accuracy")
    return three_way(few.low >= 0.9, few.high < 0.5)


def judge_losses(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 8: routing is better than every loss."""
    better = [is_better(comparisons, name) for name in ALTERNATIVES]
    return three_way(all(better), not any(better))


def judge_other_data(runs: pd.DataFrame, comparisons: Sequence[Comparison]) -> Verdict:
    """Claim 9: it holds on other images."""
    holds = [
        comparison.is_clear
        and comparison.difference.mean > 0
        and estimate_of(runs, comparison.setting, "read_accuracy").mean
        >= estimate_of(runs, comparison.setting, "probe_accuracy").mean - 0.05
        for comparison in comparisons
    ]
    return three_way(all(holds), not any(holds))


# Each takes one row a run, and the comparisons of its claim.
RULES: Mapping[int, Callable[[pd.DataFrame, Sequence[Comparison]], Verdict]] = {
    1: judge_sign,
    2: judge_regularisation,
    3: judge_guesses,
    4: judge_luck,
    5: judge_sliders,
    6: judge_split,
    7: judge_absorption,
    8: judge_losses,
    9: judge_other_data,
}
# For the others, no setting was run at full length.
FULL_LENGTH_CLAIMS = (1, 2, 4, 5, 7, 8)


def three_way(holds: bool, fails: bool) -> Verdict:
    """A verdict from the two clear outcomes; what is neither is `partly`."""
    return "holds" if holds else "does not hold" if fails else "partly"


def is_right(comparisons: Sequence[Comparison], pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether any change that a guess names lowers the error, clearly and by enough to name."""
    return any(
        comparison.is_clear and comparison.difference.mean <= -WORTH_NAMING
        for comparison in comparisons
        if (comparison.reference, comparison.setting) in pairs
    )


def is_better(comparisons: Sequence[Comparison], alternative: str) -> bool:
    """Whether routing is clearly better than an alternative in some quality and worse in none."""
    gains = [
        comparison.difference.mean * (1 if comparison.measure == "squared_error" else -1)
        for comparison in comparisons
        if comparison.setting == alternative and comparison.is_clear
    ]
    return any(gain > 0 for gain in gains) and all(gain > 0 for gain in gains)
