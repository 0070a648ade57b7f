"""Typed view of `plan.yaml`: the parts of each claim, each with its measure, margin and control."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from grvae.base.errors import GrvaeError
from grvae.params import Name, Section, read_params, reject_duplicates


@dataclass(frozen=True)
class Measure:
    """How a measure of a run is called and written.

    Attributes:
        label: what it is, with its unit.
        step: the smallest difference that it can show: of one image, one digit, one drawn step.
        is_share: in [0, 1], written in per cent.
        counts_runs: 0 or 1 a run; what is said is the share of the runs.
        lowest: the least value that a share can have.
        decimals: how many to show.
    """

    label: str
    step: float
    is_share: bool = True
    counts_runs: bool = False
    lowest: float = 0.0
    decimals: int = 1


IMAGE, SLIDER_STEP, EXPLAINED = 1e-4, 1 / 90, 1e-3
OF_A_VAE = {
    "read_accuracy": Measure("images read off the largest latent", IMAGE),
    "lowest_recall": Measure("recall of the worst digit", 1e-3),
    "damaged_digits": Measure("damaged digits", 1.0, is_share=False),
    "probe_accuracy": Measure("images read by a linear probe", IMAGE),
    "probe_gap": Measure("what a linear probe reads beyond the largest latent", IMAGE, lowest=-1.0),
    "squared_error": Measure("squared error per image", 0.01, is_share=False, decimals=2),
    "negative_digits": Measure("digits on the negative side", 1.0, is_share=False),
    "steps_recognised": Measure("slider steps that show their digit", SLIDER_STEP),
    "pure_recognised": Measure(
        "sliders whose typical value shows their digit", 1.0, is_share=False
    ),
    "good_run": Measure("good runs", 1.0, counts_runs=True),
    "swapped": Measure("images that follow a swap", IMAGE),
    "copied": Measure("images that follow a copy", IMAGE),
    "ablated": Measure("images that lose their digit when it is ablated", IMAGE),
}
OF_HALVES = {  # see studies/longer/halves.py
    "own_explained": Measure("own digits explained from a half", EXPLAINED, lowest=-1.0),
    "foreign_explained": Measure("foreign digits explained from a half", EXPLAINED, lowest=-1.0),
    "foreign_explained_squared": Measure(
        "foreign digits explained, by squared error", EXPLAINED, lowest=-1.0
    ),
}
MEASURES = OF_A_VAE | OF_HALVES


class Statement(Section):
    """A bound on a measure of a variant, or on its difference to another's.

    Attributes:
        measure: see `MEASURES`.
        variant: of the study.
        minus: the variant that it is compared with; None is a bound on the variant alone.
        more_than: the margin, where the statement is that the value lies above it.
        less_than: the margin, where it lies below.
    """

    measure: str
    variant: Name
    minus: Name | None = None
    more_than: float | None = None
    less_than: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.measure not in MEASURES:
            raise ValueError(f"measure: got {self.measure!r}, allowed: {', '.join(MEASURES)}")
        if (self.more_than is None) == (self.less_than is None):
            raise ValueError("more_than, less_than: should be one of them")
        if MEASURES[self.measure].counts_runs and self.minus is not None:
            raise ValueError("minus: should be missing where runs are counted")
        return self

    @property
    def margin(self) -> float:
        """The bound itself."""
        return self.more_than if self.more_than is not None else self.less_than  # type: ignore[return-value]


class Part(Statement):
    """A part of a claim that gets a verdict of its own.

    Attributes:
        says: the statement in a sentence.
        control: what must hold of the method itself for the measure to tell anything.
        in_readme: whether the README quotes it.
    """

    says: str
    control: Statement
    in_readme: bool = False


class Claim(Section):
    """A claim.

    Attributes:
        title: what is claimed.
        source: who claims it.
        parts: by name; at least one.
    """

    title: str
    source: str
    parts: Annotated[dict[Name, Part], Field(min_length=1)]


class Plan(Section):
    """The whole of `plan.yaml`.

    Attributes:
        alpha: bound on the probability of any wrong verdict among all parts.
        claims: by name, in the report's order.
    """

    alpha: Annotated[float, Field(gt=0, lt=1)]
    claims: dict[Name, Claim]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [name for claim in self.claims.values() for name in claim.parts]
        reject_duplicates("claims", names)
        return self

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name: one family."""
        return {name: part for claim in self.claims.values() for name, part in claim.parts.items()}


def load_plan(path: Path, variants: Collection[str]) -> Plan:
    """Read the plan, and check that it asks of measured variants alone.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    plan = read_params(path, Plan)
    for name, part in plan.parts.items():
        for statement in (part, part.control):
            for variant in (statement.variant, statement.minus):
                if variant is not None and variant not in variants:
                    allowed = ", ".join(variants)
                    raise GrvaeError(f"{path}: {name}: got {variant!r}, allowed: {allowed}")
    return plan
