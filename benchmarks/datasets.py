"""The default recipe on sets of other sizes and kinds, untuned, against targets of our own.

Every run is measured on its set's validation split. Runs that the table has are not repeated, so
that a stopped call goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from pydantic import Field

from benchmarks.pages import write_page
from benchmarks.sweep import METRICS, PLACES, Row, Runs, fill_table, measure_split, run_variant
from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import load_arrays, load_table, save_arrays
from grvae.data.sets import IMAGES, PUBLISHED, load_dataset, write_splits
from grvae.measure.probe import linear_probe_accuracy
from grvae.model.images import load_images
from grvae.model.run import batch_plan
from grvae.params import Evaluation, Name, Params, Section, Seed, load_params, read_params
from grvae.show.markdown import write_number, write_percent

TINY, TINY_CLASSES, TINY_IMAGES = "tiny", 4, 50  # the first images of each of MNIST's first classes
PIXELS = "pixels"  # stands for a variant: a linear probe on them
ACCURACY, RECALL, ERROR = (metric.__name__ for metric in METRICS)


@dataclass(frozen=True)
class Aim:
    """What a target is about: a median over seeds of a variant, or how far it lies above another's.

    Attributes:
        what: in words.
        measure: accuracy or error.
        of: the variant.
        beyond: the other one.
        at_least: the target is the least that it should be, or else the most.
    """

    what: str
    measure: str
    of: str
    beyond: str | None = None
    at_least: bool = False


AIMS = {
    "accuracy": Aim("argmax accuracy of `gated`", ACCURACY, "gated", at_least=True),
    "beyond_pixels": Aim(
        "what `gated` classifies beyond a linear probe on the pixels",
        ACCURACY,
        "gated",
        PIXELS,
        at_least=True,
    ),
    "behind_loss": Aim(
        "what `cross_entropy` classifies beyond `gated`", ACCURACY, "cross_entropy", "gated"
    ),
    "cost": Aim("squared error of `gated` above `baseline`", ERROR, "gated", "baseline"),
    "cost_of_loss": Aim(
        "squared error of `gated` above `cross_entropy`", ERROR, "gated", "cross_entropy"
    ),
}


class Comparison(Section):
    """What is trained, and the targets of each set by the names of `AIMS`."""

    variants: list[Name] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)
    sets: dict[Name, dict[str, float]]


def prepare(name: str, params: Params, data: Path) -> bool:
    """Have a set's images; gives whether they are to be had: one's own need a folder."""
    files = DataFolder(data / name)
    if files.train.exists():
        return True
    if name == TINY:
        take_few(DataFolder(data / "mnist"), files)
    elif name in PUBLISHED or (IMAGES / name).is_dir():
        loaded = load_dataset(name, say=click.echo)
        write_splits(files, loaded.train, loaded.test, params.recipe.validation_fraction)
    else:
        click.echo(f"{name}: left out, there is no folder {IMAGES / name}")
        return False
    return True


def take_few(mnist: DataFolder, tiny: DataFolder) -> None:
    """Some images of some classes to learn from, and all of these classes to measure on."""
    about = {"classes": [str(label) for label in range(TINY_CLASSES)]}
    for source, target, most in (
        (mnist.train, tiny.train, TINY_IMAGES),
        (mnist.validation, tiny.validation, None),
        (mnist.test, tiny.test, None),
    ):
        arrays, _ = load_arrays(source)
        labels = arrays["labels"]
        chosen = [np.flatnonzero(labels == label)[:most] for label in range(TINY_CLASSES)]
        places = np.sort(np.concatenate(chosen))
        save_arrays(target, {name: array[places] for name, array in arrays.items()}, about)


def runs_of(comparison: Comparison, params: Params, data: Path) -> Runs:
    """Every run by set and variant, and by seed; a probe on pixels where a target asks for it."""
    runs: dict[tuple[str, int], Callable[[], Row]] = {}
    for name, targets in comparison.sets.items():
        if not prepare(name, params, data):
            continue
        files = DataFolder(data / name)
        train = load_images(files.train)
        for variant in comparison.variants:
            chosen = params.variant(variant, {"dataset": name})
            batch, passes = batch_plan(len(train), chosen.recipe)
            about = {
                "set": name,
                "variant": variant,
                "classes": len(train.spec.classes),
                "images": len(train),
                "batch": batch,
                "steps": passes * -(-len(train) // batch),
            }
            measure = partial(measure_split, about, "validation", params.evaluation)
            for seed in comparison.seeds:
                arguments = (chosen, seed, files, "cpu", measure, None)
                runs[f"{name}-{variant}", seed] = partial(run_variant, *arguments)
        if "beyond_pixels" in targets:
            probe = partial(probe_pixels, name, params.evaluation, files)
            runs[f"{name}-{PIXELS}", comparison.seeds[0]] = probe
    return runs


def probe_pixels(name: str, evaluation: Evaluation, files: DataFolder) -> Row:
    """What a linear classifier reads with no encoder at all."""
    train, validation = load_images(files.train), load_images(files.validation)
    features = [(part.pixels.numpy(), part.labels.numpy()) for part in (train, validation)]
    accuracy = linear_probe_accuracy(*features[0], *features[1], evaluation)
    return {"set": name, "variant": PIXELS, ACCURACY: round(accuracy, PLACES)}


def compare(rows: pd.DataFrame, comparison: Comparison) -> dict[str, Any]:
    """What the page is filled with; a target whose runs are not there is not judged."""
    trained, probed = rows[rows["variant"] != PIXELS], rows[rows["variant"] == PIXELS]
    table = [
        {
            **{key: runs[key].iloc[0] for key in ("set", "variant")},
            **{key: int(runs[key].iloc[0]) for key in ("classes", "images", "batch", "steps")},
            "accuracy": runs[ACCURACY].median(),
            "lowest_recall": runs[RECALL].min(),
            "error": runs[ERROR].median(),
            "minutes": runs["cpu_seconds"].median() / 60,
        }
        for _, runs in trained.groupby(["set", "variant"], sort=False)
    ]
    medians: Any = rows.groupby(["set", "variant"])[[ACCURACY, ERROR]].median()
    measured_sets = [name for name in comparison.sets if name in set(rows["set"])]
    aims = []
    for name in measured_sets:
        for key, target in comparison.sets[name].items():
            aim = AIMS[key]
            measured = medians.loc[(name, aim.of), aim.measure]
            if aim.beyond:
                measured -= medians.loc[(name, aim.beyond), aim.measure]
            write = write_percent if aim.measure == ACCURACY else write_number
            aims.append(
                {
                    "set": name,
                    "what": aim.what,
                    "target": f"at {'least' if aim.at_least else 'most'} {write(target)}",
                    "measured": write(measured),
                    "reached": measured >= target if aim.at_least else measured <= target,
                }
            )
    pixels = dict(zip(probed["set"], probed[ACCURACY], strict=True))
    return {
        "rows": table,
        "aims": aims,
        "pixels": pixels,
        "missing": [name for name in comparison.sets if name not in measured_sets],
        "seeds": len(comparison.seeds),
    }


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "targets", "data", "table", "markdown")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
def datasets(
    params: Path, targets: Path, data: Path, table: Path, markdown: Path, workers: int
) -> None:
    """Train what the table lacks, and write the page."""
    comparison = read_params(targets, Comparison)
    fill_table(table, "run", runs_of(comparison, load_params(params), data), workers)
    write_page(markdown, compare(load_table(table), comparison))


if __name__ == "__main__":
    datasets()
