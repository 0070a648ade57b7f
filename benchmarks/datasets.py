"""The default recipe on sets of other sizes and kinds, untuned, against targets of our own.

Every run is measured on its set's validation split. Runs that the table has are not repeated, so
that a stopped call goes on where it was.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

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
SIZES = ("classes", "images", "batch", "steps")
ACCURACY, RECALL, ERROR = (metric.__name__ for metric in METRICS)


class Aim(Section):
    """What a target is about: a median over seeds of a variant, or how far it lies above another's.

    Attributes:
        what: in words.
        measure: accuracy or error.
        of: the variant.
        beyond: the other one; None is the variant's own median.
        at: whether the target is the least that it should be, or the most.
    """

    what: str
    measure: Literal["argmax_accuracy", "squared_error_per_image"]
    of: Name
    beyond: Name | None = None
    at: Literal["least", "most"]


class Comparison(Section):
    """What is trained, what a target may be about, and the targets of each set by those names."""

    variants: list[Name] = Field(min_length=1)
    seeds: list[Seed] = Field(min_length=1)
    aims: dict[Name, Aim]
    sets: dict[Name, dict[Name, float]]


def prepare(name: str, params: Params, data: Path) -> None:
    """Have a set's images, if they are to be had: one's own need a folder."""
    files = DataFolder(data / name)
    if name == TINY:
        take_few(DataFolder(data / "mnist"), files)
    elif name in PUBLISHED or (IMAGES / name).is_dir():
        loaded = load_dataset(name, say=click.echo)
        write_splits(files, loaded.train, loaded.test, params.recipe.validation_fraction)
    else:
        click.echo(f"{name}: left out, there is no folder {IMAGES / name}")


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
        files = DataFolder(data / name)
        if not files.train.exists():
            prepare(name, params, data)
        if not files.train.exists():
            continue
        train = load_images(files.train)
        for variant in comparison.variants:
            chosen = params.variant(variant, {"dataset": name})
            batch, passes = batch_plan(len(train), chosen.recipe)
            sizes = len(train.spec.classes), len(train), batch, passes * -(-len(train) // batch)
            about = {"set": name, "variant": variant, **dict(zip(SIZES, sizes, strict=True))}
            measure = partial(measure_split, about, "validation", params.evaluation)
            for seed in comparison.seeds:
                arguments = (chosen, seed, files, "cpu", measure, None)
                runs[f"{name}-{variant}", seed] = partial(run_variant, *arguments)
        if any(comparison.aims[key].beyond == PIXELS for key in targets):
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
    by_variant = rows.groupby(["set", "variant"], sort=False)
    medians: Any = by_variant[[ACCURACY, ERROR]].median()
    table = by_variant.agg(
        **{size: (size, "first") for size in SIZES},
        accuracy=(ACCURACY, "median"),
        lowest_recall=(RECALL, "min"),
        error=(ERROR, "median"),
        seconds=("cpu_seconds", "median"),
    ).reset_index()
    is_probe = table["variant"] == PIXELS
    measured = [name for name in comparison.sets if name in set(rows["set"])]
    aims = []
    for name in measured:
        for key, target in comparison.sets[name].items():
            aim = comparison.aims[key]
            found = medians.loc[(name, aim.of), aim.measure]
            if aim.beyond:
                found -= medians.loc[(name, aim.beyond), aim.measure]
            write = write_percent if aim.measure == ACCURACY else write_number
            aims.append(
                {
                    "set": name,
                    "what": aim.what,
                    "target": f"at {aim.at} {write(target)}",
                    "measured": write(found),
                    "reached": found >= target if aim.at == "least" else found <= target,
                }
            )
    return {
        "rows": table[~is_probe].astype(dict.fromkeys(SIZES, int)).to_dict("records"),
        "aims": aims,
        "pixels": table[is_probe].set_index("set")["accuracy"].to_dict(),
        "missing": [name for name in comparison.sets if name not in measured],
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
