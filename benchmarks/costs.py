"""What training costs: each recipe beside the published one, and how time and memory grow."""

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from timeit import timeit

import click
import numpy as np
import pandas as pd
import safetensors
import torch
from matplotlib.figure import Figure
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.pages import write_page
from grvae.base.command import CommandGroup, StageCommand, paths
from grvae.base.determinism import repeatable
from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.base.layout import DataFolder, RunFolder
from grvae.base.storage import save_json, save_table, write_atomically
from grvae.data.labelled import Dataset
from grvae.data.sets import write_splits
from grvae.model.images import ImageSet, load_images
from grvae.model.run import Run
from grvae.model.training import decoder_epoch, encode_all, joint_epoch, train_vae
from grvae.params import Recipe, Variant, load_params
from grvae.show.style import GREY, OKABE_ITO, encode_png, styled

ROUNDS = 9
STEPS = 40  # are timed of each phase; nobody has to wait for 100 published epochs
TIMED = ("gated", "routed", "published")
# One of these grows while the others stay as they usually are.
SETTINGS = {
    "images": (10_000, 20_000, 30_000, 40_000, 50_000, 60_000),
    "pixels": (256, 784, 1600, 2704, 4096),
    "width": (64, 128, 256, 512, 1024),
    "seeds": (1, 2, 3, 4),
}
USUAL = {"images": 60_000, "pixels": 784, "width": 256, "seeds": 1}
LABELS = {"pixels": "pixels of an image", "width": "units of the widest layer"}
# What is generated to see how much memory large sets take: images to learn from, side, colours.
LARGE = ((20_000, 32, 1), (20_000, 64, 3), (100_000, 64, 3))
SHORT = {"epochs": 2, "decoder_epochs": 1}
# Runs a stage, and prints the most kilobytes that it had: `ru_maxrss` would begin with those of the
# process that starts it.
WATCHED = """\
import atexit, pathlib, runpy, sys
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(status.read_text().partition("VmHWM:")[2].split()[0]))
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@click.group(cls=CommandGroup, help=__doc__)
def main() -> None:
    """The commands below do all."""


@main.command(cls=StageCommand)
@paths("params", "images", "markdown", "out")
def speed(params: Path, images: Path, markdown: Path, out: Path) -> None:
    """Time the published recipe and the default ones in turns, in one process."""
    recipes, pixels = load_params(params), load_images(images)
    contestants = {name: Contestant(recipes.variant(name).recipe, pixels) for name in TIMED}
    with repeatable(has_convolutions=True):  # one thread, for all alike
        costs = compare(contestants, ROUNDS)
    results = {"rounds": ROUNDS, "costs": costs}
    save_json(out, results)
    write_page(markdown, results)


class Contestant:
    """One recipe, ready for `STEPS` steps of either phase."""

    def __init__(self, recipe: Recipe, images: ImageSet) -> None:
        self.recipe = recipe
        self.joint = Run(recipe, "relu", 0, images)
        self.steps_per_epoch, batch_size = self.joint.steps_per_epoch, self.joint.batch_size
        self.images = images[: STEPS * batch_size]
        self.batches = torch.randperm(len(self.images)).split(batch_size)
        # Half of the phase is over, for the timing alone: what the gates do costs time, too.
        self.joint.phase_optimizer.steps = recipe.epochs * self.steps_per_epoch // 2
        self.decoder = Run(recipe, "relu", 0, images)
        self.decoder.enter_decoder_phase()
        self.latents = encode_all(self.decoder.model, self.images.stored)

    def joint_steps(self) -> None:
        """Steps of the joint phase."""
        joint_epoch(self.joint, self.images, self.batches)

    def decoder_steps(self) -> None:
        """Steps of the decoder phase, where the recipe has one."""
        if self.recipe.decoder_epochs:
            decoder_epoch(self.decoder, self.latents, self.images.stored, self.batches)

    def over_an_epoch(self, steps: float) -> float:
        """What an epoch takes, from what `STEPS` steps of its phase take."""
        return steps * self.steps_per_epoch / STEPS

    def over_a_run(self, joint: float, decoder: float) -> float:
        """What a whole run takes, from what `STEPS` steps of each phase take."""
        return self.over_an_epoch(self.recipe.epochs * joint + self.recipe.decoder_epochs * decoder)


def compare(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, dict[str, float]]:
    """Time all contestants in turns, so that a busy moment of the machine hits all.

    Returns:
        By name: seconds of a run and of an epoch of each phase, medians over rounds; and the
        floating-point operations of a run, as PyTorch counts them.
    """
    seconds: dict[str, list[tuple[float, ...]]] = {name: [] for name in contestants}
    for _ in range(1 + rounds):
        for name, each in contestants.items():
            phases = each.joint_steps, each.decoder_steps
            seconds[name].append(tuple(timeit(steps, number=1) for steps in phases))
    costs = {}
    for name, each in contestants.items():
        joint, decoder = map(median, zip(*seconds[name][1:], strict=True))  # the first warms up
        costs[name] = {
            "run_seconds": each.over_a_run(joint, decoder),
            "joint_epoch_seconds": each.over_an_epoch(joint),
            "decoder_epoch_seconds": each.over_an_epoch(decoder),
            "run_flops": each.over_a_run(flops_of(each.joint_steps), flops_of(each.decoder_steps)),
        }
    return costs


def flops_of(work: Callable[[], object]) -> float:
    """Floating-point operations of one call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


@main.command(cls=StageCommand)
@paths("params", "table", "figure")
def growth(params: Path, table: Path, figure: Path) -> None:
    """Train on noise, of rising size, each time in a process of its own for a peak of its own."""
    rows = []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for varied, values in SETTINGS.items():
            for value in values:
                setting = USUAL | {varied: value}
                cost = pool.submit(train_setting, params, **setting).result()
                rows.append({"varied": varied, **setting, **cost})
                click.echo(f"{varied} {value}: {cost['seconds']:.1f} s")
    save_table(table, pd.DataFrame(rows))
    write_atomically(figure, encode_png(draw_growth(pd.DataFrame(rows))))


def train_setting(
    params: Path, images: int, pixels: int, width: int, seeds: int
) -> dict[str, float]:
    """Seconds and peak megabytes of this process, which trains one setting and nothing else."""
    sizes = {"network": "mlp", "hidden_sizes": [width, width // 2], "decoder_sizes": None}
    recipe = load_params(params).variant("hard", SHORT | sizes).recipe
    noise = torch.randint(256, (images, pixels), dtype=torch.uint8)
    data = ImageSet(noise, torch.arange(images) % 10, replace(MNIST, side=math.isqrt(pixels)))
    start = time.perf_counter()
    for seed in range(seeds):
        train_vae(data, data[:0], recipe, "relu", seed)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_megabytes": peak_megabytes()}


@main.command(cls=StageCommand)
@paths("params", "data", "table", "markdown")
def memory(params: Path, data: Path, table: Path, markdown: Path) -> None:
    """Measure the memory of the stages that train and evaluate, and how it grows with the set."""
    settings, rows = load_params(params), []
    with TemporaryDirectory() as folder:
        tried = [(name, data) for name in (*TIMED, "cross_entropy")]
        tried += [(TIMED[0], generate(Path(folder), *size)) for size in LARGE]
        for variant, images in tried:
            chosen = settings.variant(variant, {"dataset": images.name})
            peaks = peaks_of_stages(chosen, params, images.parent, Path(folder) / "run")
            rows.append({"variant": variant, **size_of(images), **peaks})
            click.echo(" ".join(map(str, rows[-1].values())))
    save_table(table, pd.DataFrame(rows))
    write_page(markdown, {"rows": rows})


def size_of(data: Path) -> dict[str, int]:
    """How many images a set has to learn from, their side and their colours; reads no image."""
    with safetensors.safe_open(DataFolder(data).train, "numpy") as file:
        images, side, _, *colours = file.get_slice("images").get_shape()
    return {"images": images, "side": side, "colours": colours[0] if colours else 1}


def generate(folder: Path, images: int, side: int, colours: int) -> Path:
    """Write the splits of a set of noise with ten classes; a sixth of the images is for tests."""
    folder = folder / f"noise_{images}_{side}_{colours}"
    shape = (side, side) if colours == 1 else (side, side, colours)
    pixels = np.random.default_rng(0).integers(0, 256, (images * 6 // 5, *shape), np.uint8)
    labels = np.arange(len(pixels)) % len(MNIST.classes)
    train, test = (
        Dataset(pixels[part], labels[part]) for part in (slice(images), slice(images, None))
    )
    write_splits(DataFolder(folder), train, test, 0.1)
    return folder


def peaks_of_stages(chosen: Variant, params: Path, data: Path, run: Path) -> dict[str, float]:
    """The peaks of the stages that train a variant, one epoch of each phase, and evaluate it.

    Args:
        chosen: the variant, with its dataset.
        params: of the evaluation.
        data: the folder of all sets.
        run: a folder for what the stages write.
    """
    phases = {"epochs": 1, "decoder_epochs": min(1, chosen.recipe.decoder_epochs)}
    short = chosen.model_copy(update={"recipe": chosen.recipe.model_copy(update=phases)})
    files = RunFolder(run)
    save_json(run / "variant.json", short.written())
    shared = ["--variant", run / "variant.json", "--data", data]
    written = ["--weights", files.weights, "--history", files.history]
    return {
        "training_megabytes": peak_of("stages.train", *shared, "--seed", 0, *written),
        "evaluation_megabytes": peak_of(
            "stages.evaluate", *shared, "--params", params, "--run", run
        ),
    }


def peak_of(module: str, *arguments: object) -> float:
    """The most megabytes that a stage had at a time, until its work was done.

    The end of the interpreter is left out, where PyTorch's libraries come back to memory: a stage
    that `grvae repro` has forked ends without it.

    Raises:
        GrvaeError: it fails.
    """
    command = [sys.executable, "-c", WATCHED, module, *map(str, arguments)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise GrvaeError(f"{module} failed: exit code {result.returncode}")
    return int(result.stdout.splitlines()[-1]) * 1024 / 1e6


def peak_megabytes() -> float:
    """The most megabytes that this process had at a time, or its parent when it began."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


@styled
def draw_growth(table: pd.DataFrame) -> Figure:
    """Time and peak memory against each thing that grows, with the line of equal growth."""
    figure = Figure(figsize=(8.3, 3.9), layout="constrained")
    panels = figure.subplots(2, len(SETTINGS), sharex="col")
    for column, varied in enumerate(SETTINGS):
        rows = table[table["varied"] == varied].sort_values(varied)
        for panel, measured in zip(panels[:, column], ("seconds", "peak_megabytes"), strict=True):
            line = rows[varied] / rows[varied].iloc[-1] * rows[measured].iloc[-1]
            panel.plot(rows[varied], line, color=GREY, ls="--", lw=1, label="proportional")
            panel.plot(
                rows[varied], rows[measured], "o-", color=OKABE_ITO[0], ms=4, label="measured"
            )
            panel.set(xlim=(0, None), ylim=(0, None))
        panels[1, column].set_xlabel(LABELS.get(varied, varied))
    panels[0, 0].set_ylabel("seconds")
    panels[1, 0].set_ylabel("peak memory, MB")
    panels[0, 0].legend()
    return figure


if __name__ == "__main__":
    main()
