"""Typed view of the longer study's parameters: every run of it, in full."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from grvae.params import Name, Params, ProbeImages, Section, Variant, read_params
from studies.claims.study import Start
from studies.longer.halves import HalvesRecipe

Seeds = Annotated[list[int], Field(min_length=2, max_length=2)]


class Runs(Start):
    """Some runs of a variant.

    Attributes:
        seeds: the first one and their number.
    """

    seeds: Seeds


class HalvesRuns(Section):
    """Some runs of the autoencoder of two halves.

    Attributes:
        changes: in the recipe that they share.
        seeds: the first one and their number.
    """

    changes: dict[str, Any] = Field(default_factory=dict)
    seeds: Seeds


class HalvesStudy(Section):
    """The autoencoder of two halves: what its runs share, and what each changes."""

    recipe: HalvesRecipe
    runs: dict[Name, HalvesRuns]


class Dose(Section):
    """One value of a recipe, changed step by step.

    Attributes:
        of: a variant of the main `params.yaml`, or `halves`.
        values: of the recipe's value that the dose is named after.
        changes: what all of these runs have in common.
        seeds: of each value's runs, the first one and their number.
    """

    of: Name
    values: list[float]
    changes: dict[str, Any]
    seeds: Seeds


class Longer(Section):
    """The whole of `params.yaml`."""

    runs: dict[Name, Runs]
    halves: HalvesStudy
    doses: dict[Name, Dose]
    probe_images: ProbeImages


class Resolved(Section):
    """What is run, every recipe in full.

    Attributes:
        names: the longest runs first.
        seeds: the first one and their number, by name.
        variants: by name.
        halves: by name.
    """

    names: list[str]
    seeds: dict[str, Seeds]

    variants: dict[str, Variant]
    halves: dict[str, HalvesRecipe]

    @property
    def runs(self) -> list[tuple[str, int]]:
        """All runs (name, seed), in the order in which they start."""
        return [
            (name, self.seeds[name][0] + place)
            for name in self.names
            for place in range(self.seeds[name][1])
        ]


HALVES = "halves"


def dose_name(dose: str, value: float) -> str:
    """What the runs of one value of a dose are called."""
    return f"{dose}_{value:g}"


def resolve(longer: Longer, main: Params) -> Resolved:
    """Every recipe in full.

    Raises:
        ValueError: a key or value is not allowed.
    """
    variants, halves, seeds = {}, {}, {}
    for name, start in longer.runs.items():
        variants[name] = main.variant(start.of, start.changes, f"runs.{name}.changes.")
        seeds[name] = start.seeds
    for name, runs in longer.halves.runs.items():
        halves[name] = longer.halves.recipe.merged(runs.changes, f"halves.runs.{name}.changes.")
        seeds[name] = runs.seeds
    for name, dose in longer.doses.items():
        for value in dose.values:
            full, key = dose_name(name, value), name.removeprefix(f"{HALVES}_")
            changes, where = dose.changes | {key: value}, f"doses.{name}."
            if dose.of == HALVES:
                halves[full] = longer.halves.recipe.merged(changes, where)
            else:
                variants[full] = main.variant(dose.of, changes, where)
            seeds[full] = dose.seeds
    return Resolved(names=list(seeds), seeds=seeds, variants=variants, halves=halves)


def load_longer(path: Path) -> Longer:
    """Read and check the parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Longer)


def load_resolved(path: Path) -> Resolved:
    """Read what the stage `longer_resolve` wrote; YAML reads JSON.

    Raises:
        GrvaeError: see `load_longer`.
    """
    return read_params(path, Resolved)
