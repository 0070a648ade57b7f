"""Time the published recipe and the default one side by side, against the machine's own rate.

Both train with the library's own loop, on the same images, in one process: warm-up first, then in
turns for several rounds, so that a busy moment of the machine hits both. A run's time is the number
of its steps times the median time of a step; nobody has to wait for 100 published epochs.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click
import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.pages import write_page
from grvae.base.command import StageCommand, paths
from grvae.base.determinism import repeatable
from grvae.base.storage import save_json
from grvae.model.images import ImageSet, load_images
from grvae.model.run import Run
from grvae.model.training import decoder_epoch, encode_all, joint_epoch
from grvae.model.vae import VAE
from grvae.params import Recipe, load_params

STEPS = 40
TIMED = ("gated", "routed", "published")
LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Cost:
    """What one run of a recipe costs.

    Attributes:
        run_seconds: of all steps of a run; median over rounds.
        joint_epoch_seconds: of an epoch of the joint phase; median over rounds.
        decoder_epoch_seconds: of an epoch of the decoder phase; median over rounds.
        run_flops: floating-point operations of all steps of a run, as PyTorch counts them.
        layer_share: the rate of operations in a joint step, as a share of that of its linear and
            convolutional layers alone; from the median over rounds.
    """

    run_seconds: float
    joint_epoch_seconds: float
    decoder_epoch_seconds: float
    run_flops: float
    layer_share: float


class Contestant:
    """One recipe, ready to be timed for `STEPS` steps of either phase."""

    def __init__(self, recipe: Recipe, images: ImageSet) -> None:
        self.recipe = recipe
        self.steps_per_epoch = math.ceil(len(images) / recipe.batch_size)
        self.images = images[: STEPS * recipe.batch_size]
        self.batches: tuple[Tensor, ...] = torch.randperm(len(self.images)).split(recipe.batch_size)
        self.joint = Run(recipe, "relu", 0, images.labels)
        # Half of the phase is over, for the timing alone: what the gates do costs time, too.
        self.joint.descent.steps = recipe.epochs * self.joint.steps_per_epoch // 2
        self.decoder = Run(recipe, "relu", 0, images.labels)
        self.decoder.enter_decoder_phase()
        self.latents = encode_all(self.decoder.model, self.images.pixels)

    def joint_steps(self) -> None:
        """Steps of the joint phase."""
        joint_epoch(self.joint, self.images, self.batches)

    def decoder_steps(self) -> None:
        """Steps of the decoder phase, where the recipe has one."""
        if self.recipe.decoder_epochs == 0:
            return
        decoder_epoch(self.decoder, self.latents, self.images.pixels, self.batches)

    def over_a_run(self, joint_steps: float, decoder_steps: float) -> float:
        """What a whole run takes, from what `STEPS` steps of each phase take."""
        epochs = self.recipe.epochs * joint_steps + self.recipe.decoder_epochs * decoder_steps
        return epochs * self.steps_per_epoch / STEPS


def compare(contestants: dict[str, Contestant], rounds: int) -> dict[str, Cost]:
    """Time all contestants in turns."""
    joint: dict[str, list[float]] = {name: [] for name in contestants}
    decoder: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(1 + rounds):
        for name, contestant in contestants.items():
            joint[name].append(seconds_of(contestant.joint_steps))
            decoder[name].append(seconds_of(contestant.decoder_steps))
    return {  # the first round warms up and does not count
        name: cost_of(contestant, joint[name][1:], decoder[name][1:])
        for name, contestant in contestants.items()
    }


def cost_of(contestant: Contestant, joint: list[float], decoder: list[float]) -> Cost:
    """Put a contestant's rounds together: seconds (round,) of `STEPS` steps of each phase."""
    joint_flops, decoder_flops = map(flops_of, (contestant.joint_steps, contestant.decoder_steps))
    batch = contestant.images.pixels[: contestant.recipe.batch_size]
    layer_flops, layer_seconds = cost_of_layers(contestant.joint.model, batch, patience=0.2)
    return Cost(
        run_seconds=contestant.over_a_run(median(joint), median(decoder)),
        joint_epoch_seconds=median(joint) * contestant.steps_per_epoch / STEPS,
        decoder_epoch_seconds=median(decoder) * contestant.steps_per_epoch / STEPS,
        run_flops=contestant.over_a_run(joint_flops, decoder_flops),
        layer_share=(joint_flops / median(joint)) / (layer_flops / layer_seconds),
    )


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def flops_of(work: Callable[[], object]) -> float:
    """Floating-point operations of one call."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def cost_of_layers(model: VAE, pixels: Tensor, patience: float) -> tuple[float, float]:
    """Operations and seconds of a step's layers with weights, both ways, each timed alone.

    Each is timed for `patience` seconds.
    """
    given: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor], _: Tensor) -> None:
        given[layer] = inputs[0].detach().requires_grad_(inputs[0].requires_grad)

    layers = [layer for layer in model.modules() if isinstance(layer, LAYERS)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    model.decode(model.activate(model.encode(pixels)[0]))
    for hook in hooks:
        hook.remove()

    flops, seconds = 0.0, 0.0
    for layer, inputs in given.items():
        work = both_ways(layer, inputs)
        flops += flops_of(work)
        timer = Timer("work()", globals={"work": work}, num_threads=torch.get_num_threads())
        seconds += timer.blocked_autorange(min_run_time=patience).median
    return flops, seconds


def both_ways(layer: nn.Module, inputs: Tensor) -> Callable[[], object]:
    """One layer's forward and backward pass; images want no gradient of their own."""
    gradient = torch.randn_like(layer(inputs))
    return lambda: layer(inputs).backward(gradient)


@click.command(cls=StageCommand)
@paths("params", "images", "summary", "out")
@click.option("--rounds", type=click.IntRange(min=3), default=9)
def speed(params: Path, images: Path, summary: Path, out: Path, rounds: int) -> None:
    """Time the published recipe and the default one side by side."""
    recipes, pixels = load_params(params), load_images(images)
    contestants = {name: Contestant(recipes.variant(name).recipe, pixels) for name in TIMED}
    with repeatable(has_convolutions=True):  # one thread, for all alike
        costs = compare(contestants, rounds)
    results = {"rounds": rounds, "costs": {name: asdict(cost) for name, cost in costs.items()}}
    save_json(out, results)
    write_page(summary, results)
    click.echo(summary.read_text())


if __name__ == "__main__":
    speed()
