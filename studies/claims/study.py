"""Typed view of the study's parameters: each of its variants is one of the main recipe's, changed.

A variant names only what differs. `resolve` writes each one in full, and the stages read that. So a
new value in the main recipe that changes nothing for the study costs no rerun of it.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from grvae.params import (
    Count,
    DatasetName,
    Name,
    Params,
    ProbeImages,
    Rate,
    Section,
    Seed,
    Variant,
    read_params,
    reject_duplicates,
)


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


class Start(Section):
    """Where a variant of the study starts, and what it changes there.

    Attributes:
        of: a variant of the main `params.yaml`.
        changes: see `grvae.params.Variant.override`.
    """

    of: Name
    changes: dict[str, Any] = Field(default_factory=dict)


class Study(Section):
    """The whole of the study's `params.yaml`.

    Attributes:
        seeds: of the runs of every variant.
        datasets: what the variants learn.
        variants: names, in the order of the tables.
        overrides: what each variant is.
        probe_images: train images that the linear probe is fitted on.
        reader: the network that reads drawn digits.
    """

    seeds: Annotated[list[Seed], Field(min_length=2)]
    datasets: list[DatasetName]
    variants: list[Name]
    overrides: dict[Name, Start]
    probe_images: ProbeImages
    reader: ReaderRecipe

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        reject_duplicates("seeds", self.seeds)
        if self.variants != list(self.overrides):
            raise ValueError("variants: should name all overrides, in their order")
        return self

    def resolve(self, main: Params) -> dict[str, Variant]:
        """All variants in full, by name.

        Raises:
            ValueError: a key or value is not allowed.
        """
        resolved = {}
        for name, start in self.overrides.items():
            if start.of not in main.overrides:
                allowed = ", ".join(main.overrides)
                raise ValueError(f"overrides.{name}.of: got {start.of!r}, allowed: {allowed}")
            variant = main.variant(start.of, start.changes, f"overrides.{name}.changes.")
            if variant.dataset not in self.datasets:
                allowed = ", ".join(self.datasets)
                raise ValueError(
                    f"overrides.{name}.changes.dataset: got {variant.dataset!r}, allowed: {allowed}"
                )
            resolved[name] = variant
        return resolved


def load_study(path: Path) -> Study:
    """Read and check the study's parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Study)
