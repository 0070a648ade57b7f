"""Typed view of `plan.yaml`: the parts of each claim, each with its measure, margin and control."""

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from grvae.params import Name, Section, reject_duplicates


@dataclass(frozen=True)
class Measure:
    """How a measure of a run is summed up and written.

    Attributes:
        label: what it is.
        kind: `median` for what is bounded or skewed, `mean` for the rest, `runs` for 0 or 1 a run.
        is_share: at most 1, written in per cent.
        lowest: the least possible value.
        highest: the greatest.
        decimals: how many to show.
    """

    label: str
    kind: Literal["median", "mean", "runs"] = "median"
    is_share: bool = True
    lowest: float = 0.0
    highest: float = 1.0
    decimals: int = 1


def of_classes(label: str) -> Measure:
    """A count of classes of a run."""
    return Measure(label, is_share=False, highest=10.0)


OF_A_VAE = {
    "accuracy": Measure("argmax accuracy"),
    "lowest_recall": Measure("lowest recall"),
    "collapsed_classes": of_classes("collapsed classes"),
    "probe_accuracy": Measure("linear probe's accuracy"),
    "probe_gap": Measure("linear probe beyond argmax", lowest=-1.0),
    "squared_error": Measure("squared error", "mean", is_share=False, highest=inf, decimals=2),
    "negative_classes": of_classes("classes on the negative side"),
    "steps_recognised": Measure("slider steps that show their class"),
    "steps_from_zero": Measure("slider steps from zero that show their class"),
    "pure_recognised": of_classes("sliders that show their class at its median"),
    "good_run": Measure("good runs", "runs"),
    "swapped": Measure("images that follow a swap"),
    "copied": Measure("images that follow a copy"),
    "ablated": Measure("images that lose their class by ablation"),
    "leaked": Measure("images that a probe classifies against their label latent"),
    "relearned": Measure("images that show their class again, 20 steps after its removal"),
    "relearned_longer": Measure("images that show their class again, 100 steps after its removal"),
}
OF_HALVES = {
    "own_explained": Measure("own half explained", "mean", lowest=-inf),
    "foreign_explained": Measure("other half explained", "mean", lowest=-inf),
    "foreign_explained_squared": Measure("the same, squared error", "mean", lowest=-inf),
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
        if MEASURES[self.measure].kind == "runs" and self.minus is not None:
            raise ValueError("minus: should be missing where runs are counted")
        return self

    @property
    def margin(self) -> float:
        """The bound itself."""
        return self.more_than if self.more_than is not None else self.less_than  # type: ignore[return-value]

    @property
    def variants(self) -> list[str]:
        """The variants that it speaks of."""
        return [self.variant] if self.minus is None else [self.variant, self.minus]


class Part(Statement):
    """A part of a claim that gets a verdict of its own.

    Attributes:
        says: the statement in a sentence.
        control: what must hold of the variants for the part to tell anything.
        primary: whether its interval holds together with the others', and the README shows it.
    """

    says: str
    control: Statement
    primary: bool = False


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
        alpha: bound on the probability that any interval of a primary part misses.
        claims: by name, in the report's order.
    """

    alpha: Annotated[float, Field(gt=0, lt=1)]
    claims: dict[Name, Claim]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        reject_duplicates("claims", [name for c in self.claims.values() for name in c.parts])
        return self

    @property
    def parts(self) -> dict[str, Part]:
        """All parts by name."""
        return {name: part for claim in self.claims.values() for name, part in claim.parts.items()}

    def level(self, part: Part) -> float:
        """The probability with which a part's interval may miss: Bonferroni's for primary ones."""
        primary = sum(part.primary for part in self.parts.values())
        return self.alpha / primary if part.primary else self.alpha
