"""Typed view of the study's parameters: variants of the main recipe, and of the split one.

A variant names only what differs. `resolve` puts the main `params.yaml`, what all of the study
changes, and what the variant changes together; the stages read the result. So a new value in the
main recipe that changes nothing for the study costs no rerun of it.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from grvae.base.errors import GrvaeError
from grvae.params import (
    Count,
    Evaluation,
    Name,
    Params,
    Rate,
    Section,
    Variant,
    read_params,
    validate,
)
from studies.claims.halves_params import HalvesRecipe

Seeds = Annotated[int, Field(ge=2, le=1000)]


class StudyVariant(Variant):
    """A variant in full, and how often it is trained.

    Attributes:
        seeds: number of runs.
    """

    seeds: Seeds


class ReaderRecipe(Section):
    """How the network that reads drawn digits is trained.

    Attributes:
        steps: batches to learn from; counted so, that a small set of images is learned as well.
        batch_size: images a step.
        learning_rate: the highest of the one-cycle schedule.
        max_shift: pixels by which an image is moved at random, either way.
    """

    steps: Count
    batch_size: Count
    learning_rate: Rate
    max_shift: Annotated[int, Field(ge=0, le=27)]


class HalvesVariant(Section):
    """One way to train the autoencoder of two halves, and how often.

    Attributes:
        seeds: number of runs.
        recipe: values that differ from the halves' recipe.
    """

    seeds: Seeds
    recipe: dict[str, Any]


class Halves(Section):
    """The part of the study with autoencoders whose encoding is split in two halves.

    Attributes:
        recipe: how they are trained where a variant does not say otherwise.
        variants: by name.
    """

    recipe: HalvesRecipe
    variants: dict[Name, HalvesVariant]

    def recipe_of(self, name: str) -> HalvesRecipe:
        """The recipe of a variant in full."""
        return self.recipe.merged(self.variants[name].recipe, f"halves.variants.{name}.recipe.")


class Study(Section):
    """The whole of the study's `params.yaml`.

    Attributes:
        first_seed: runs have this seed and those that follow; equal for all variants, so that any
            two of them can be compared seed by seed.
        seeds: number of runs where a variant does not say otherwise.
        common: what all variants change in the main recipe.
        evaluation: what the study changes in how models are measured.
        reader: the network that reads drawn digits.
        variants: by name, what each changes: in the recipe, dataset, latent_act or seeds.
        halves: the autoencoders of two halves.
    """

    first_seed: Annotated[int, Field(ge=0, lt=2**31)]
    seeds: Seeds
    common: dict[str, Any]
    evaluation: dict[str, Any]
    reader: ReaderRecipe
    variants: dict[Name, dict[str, Any]]
    halves: Halves

    @model_validator(mode="after")
    def _check_halves(self) -> Self:
        for name in self.halves.variants:
            self.halves.recipe_of(name)
        return self

    def resolve(self, main: Params) -> dict[str, StudyVariant]:
        """All variants in full, by name.

        Raises:
            ValueError: a key or value is not allowed.
        """
        start = main.common.override(self.common, "common.")
        resolved = {}
        for name, changes in self.variants.items():
            seeds = changes.get("seeds", self.seeds)
            others = {key: value for key, value in changes.items() if key != "seeds"}
            variant = start.override(others, f"variants.{name}.")
            values = {**variant.model_dump(), "seeds": seeds}
            resolved[name] = validate(StudyVariant, values, f"variants.{name}.")
        return resolved

    def evaluation_of(self, main: Params) -> Evaluation:
        """How the study measures models."""
        return main.evaluation.merged(self.evaluation, "evaluation.")

    def seeds_from(self, count: int) -> range:
        """The seeds of so many runs."""
        return range(self.first_seed, self.first_seed + count)


class ToTrain(Section):
    """What a training needs to know of some variants.

    Attributes:
        first_seed: see `Study`.
        variants: in full, by name.
    """

    first_seed: int
    variants: dict[Name, StudyVariant]

    def variant(self, name: str) -> StudyVariant:
        """A variant by name.

        Raises:
            GrvaeError: there is none of this name.
        """
        if name not in self.variants:
            raise GrvaeError(f"variant: got {name!r}, allowed: {', '.join(self.variants)}")
        return self.variants[name]

    def seeds_of(self, name: str) -> range:
        """The seeds of a variant."""
        return range(self.first_seed, self.first_seed + self.variant(name).seeds)


class Resolved(ToTrain):
    """What the stage `resolve` writes: everything that the other stages need to know.

    Attributes:
        evaluation: how models are measured.
    """

    evaluation: Evaluation

    def single(self, name: str) -> ToTrain:
        """What is needed to train one variant."""
        return ToTrain(first_seed=self.first_seed, variants={name: self.variant(name)})


def load_study(path: Path) -> Study:
    """Read and check the study's parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Study)


def load_resolved(path: Path) -> Resolved:
    """Read what the stage `resolve` wrote of all variants; YAML reads JSON."""
    return read_params(path, Resolved)


def load_to_train(path: Path) -> ToTrain:
    """Read what it wrote of one variant."""
    return read_params(path, ToTrain)
