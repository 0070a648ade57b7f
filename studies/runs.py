"""What is trained, by `params.yaml`. As a command, this module writes every variant in full."""

from pathlib import Path
from typing import Annotated, Any, Self

import click
from pydantic import Field, model_validator

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.storage import save_json
from grvae.params import (
    DatasetName,
    Evaluation,
    Name,
    Params,
    ProbeImages,
    Section,
    Seed,
    Variant,
    load_params,
    read_params,
    reject_duplicates,
)

Seeds = Annotated[list[int], Field(min_length=2, max_length=2)]  # the first one and their number


class Runs(Section):
    """The runs of a variant.

    Attributes:
        of: a variant of the main `params.yaml`; None is a model that this code does not train.
        changes: see `grvae.params.Variant.override`.
        cpu: seeds of the runs that are trained on a CPU.
        gpu: of those on a GPU, where a seed gives another run.
    """

    of: Name | None = None
    changes: dict[str, Any] = Field(default_factory=dict)
    cpu: Seeds | None = None
    gpu: Seeds | None = None

    @property
    def seeds(self) -> set[int]:
        """All seeds, one by one."""
        return expand(self.cpu) | expand(self.gpu)


class Study(Section):
    """The whole of the study's `params.yaml`.

    Attributes:
        variants: those of `runs` that the pipeline trains; the rows of others are recorded.
        seeds: of each of them.
        datasets: what they learn.
        runs: by variant.
        probe_images: train images that the linear probe is fitted on.
    """

    variants: list[Name]
    seeds: list[Seed]
    datasets: list[DatasetName]
    runs: dict[Name, Runs]
    probe_images: ProbeImages

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        reject_duplicates("seeds", self.seeds)
        for name in self.variants:
            if name not in self.runs or not set(self.seeds) <= expand(self.runs[name].cpu):
                raise ValueError(f"variants: got {name!r}, but runs.{name}.cpu lacks the seeds")
        return self

    def evaluation(self, main: Params) -> Evaluation:
        """How the study measures: as the main pipeline does, but for the probe's images."""
        return main.evaluation.model_copy(update={"probe_images": self.probe_images})

    def resolve(self, main: Params) -> dict[str, Variant]:
        """All variants in full, by name.

        Raises:
            GrvaeError: a key or value is not allowed.
        """
        resolved = {}
        for name, runs in self.runs.items():
            if runs.of:
                try:
                    resolved[name] = main.variant(runs.of, runs.changes, "changes.")
                except ValueError as error:
                    raise GrvaeError(f"runs.{name}: {error}") from error
        return resolved


def expand(seeds: list[int] | None) -> set[int]:
    """Seeds one by one, from the first one and their number."""
    return set(range(seeds[0], sum(seeds))) if seeds else set()


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "out")
def main(params: Path, main_params: Path, out: Path) -> None:
    variants = read_params(params, Study).resolve(load_params(main_params))
    for name, variant in variants.items():
        save_json(out / f"{name}.json", variant.written())


if __name__ == "__main__":
    main()
