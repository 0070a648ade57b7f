"""All that changes while one model is trained: what a checkpoint holds."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from grvae.base.seeding import random_stream
from grvae.model.images import ImageSet
from grvae.model.phase_optimizer import PhaseOptimizer, one_cycle
from grvae.model.routing import build_routing
from grvae.model.vae import build_model
from grvae.params import LatentAct, Recipe

Phase = Literal["joint", "decoder"]
SMALLEST_BATCH = 32

# Decay of Adam's first moments; `one_cycle` moves it. Source: Kingma & Ba 2015, "Adam".
ADAM_BETA1 = 0.9
# What an exponential schedule multiplies the rate by after every epoch. Source:
# g-w1/gradient-routed-vae, `vae.py`, commit 07c641d.
LEARNING_RATE_DECAY = 0.95


@dataclass(frozen=True)
class EpochRow:
    """One line of a run's history; losses are means over the epoch's images.

    Attributes:
        epoch: counted from 1 through both phases.
        phase: the phase that the epoch belongs to.
        loss: what the optimizer saw.
        reconstruction: the reconstruction term before its weight, summed over pixels: the recipe's
            choice in the joint phase, the squared error in the decoder phase.
        kl: the regulariser before its weight, in nats unless published; None in the decoder phase.
        validation_accuracy: share of the images whose largest mean is their label's, in [0, 1];
            None without a validation split.
        validation_squared_error: summed over pixels, decoding the activated mean; None likewise.
    """

    epoch: int
    phase: Phase
    loss: float
    reconstruction: float
    kl: float | None
    validation_accuracy: float | None
    validation_squared_error: float | None


class Run:
    """One training, at the end of some epoch.

    Attributes:
        recipe: how the model is trained.
        routing: which latents learn from which images; drawn once, from the seed.
        model: the model in training.
        shuffle: stream of the batch order.
        augmentation: stream of the images' shifts.
        noise: stream of the posterior's noise.
        phase_optimizer: steps of the current phase.
        rows: history so far.
        images: how many there are to learn from.
        batch_size: images a step.
        passes: how often an epoch goes through the images.
    """

    def __init__(self, recipe: Recipe, latent_act: LatentAct, seed: int, train: ImageSet) -> None:
        self.recipe = recipe
        self.images = len(train)
        self.batch_size, self.passes = batch_plan(self.images, recipe)
        self.steps_per_epoch = self.passes * math.ceil(len(train) / self.batch_size)
        classes, routes = len(train.spec.classes), random_stream(seed, "routes")
        self.routing = build_routing(recipe, train.labels, classes, routes)
        self.model = build_model(recipe, latent_act, seed, train.spec)
        self.shuffle = random_stream(seed, "shuffle")
        self.augmentation = random_stream(seed, "augmentation")
        self.noise = random_stream(seed, "noise")
        self.phase_optimizer = self.start_phase(self.model, recipe.epochs, recipe.learning_rate)
        self.rows: list[EpochRow] = []

    def start_phase(self, module: nn.Module, epochs: int, learning_rate: float) -> PhaseOptimizer:
        """A new optimizer for a module, with the recipe's schedule over some epochs."""
        recipe, steps_per_epoch = self.recipe, self.steps_per_epoch
        optimizer = torch.optim.AdamW(
            module.parameters(),
            lr=learning_rate,
            betas=(ADAM_BETA1, recipe.adam_beta2),
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        schedule: LRScheduler
        if recipe.learning_rate_schedule == "one_cycle":
            schedule = one_cycle(optimizer, learning_rate, epochs * steps_per_epoch)
        else:
            schedule = LambdaLR(
                optimizer, lambda step: LEARNING_RATE_DECAY ** (step // steps_per_epoch)
            )
        return PhaseOptimizer(optimizer, schedule, steps_per_epoch)

    def enter_decoder_phase(self) -> None:
        """Leave the encoder as it is and start a new optimizer for the decoder alone."""
        epochs, rate = self.recipe.decoder_epochs, self.recipe.decoder_learning_rate
        self.phase_optimizer = self.start_phase(self.model.decoder, epochs, rate)

    def shuffled_batches(self) -> Iterator[Tensor]:
        """Indices (batch,) of each batch of one epoch."""
        for _ in range(self.passes):
            yield from shuffled_batches(self.images, self.batch_size, self.shuffle)

    @property
    def joint_progress(self) -> float:
        """Share of the joint phase's steps that are done, in [0, 1]."""
        return self.phase_optimizer.steps / (self.recipe.epochs * self.steps_per_epoch)

    @property
    def streams(self) -> dict[str, torch.Generator]:
        """The random streams by name."""
        return {"shuffle": self.shuffle, "augmentation": self.augmentation, "noise": self.noise}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The state in arrays, by name."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, moments in self.phase_optimizer.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        for name, stream in self.streams.items():
            tensors[f"stream.{name}"] = stream.get_state()
        return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}

    @property
    def about(self) -> dict[str, Any]:
        """The rest of the state, as JSON."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "steps": self.phase_optimizer.steps,
            "groups": self.phase_optimizer.optimizer.state_dict()["param_groups"],
            "schedule": self.phase_optimizer.schedule.state_dict(),
        }

    def restore(self, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
        """Go to the state that `arrays` and `about` described."""
        self.rows = [EpochRow(**row) for row in about["rows"]]
        if len(self.rows) > self.recipe.epochs:
            self.enter_decoder_phase()
        tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        self.model.load_state_dict(_below(tensors, "model"))
        (group,) = about["groups"]
        moments = {index: _below(tensors, f"optimizer.{index}") for index in group["params"]}
        self.phase_optimizer.optimizer.load_state_dict(
            {"state": moments, "param_groups": about["groups"]}
        )
        self.phase_optimizer.schedule.load_state_dict(dict(about["schedule"]))
        self.phase_optimizer.steps = about["steps"]
        for name, stream in self.streams.items():
            stream.set_state(tensors[f"stream.{name}"])


def shuffled_batches(images: int, batch_size: int, shuffle: torch.Generator) -> Iterator[Tensor]:
    """Indices (batch,) of each batch of one pass; the last one may be short."""
    return iter(torch.randperm(images, generator=shuffle).split(batch_size))


def batch_plan(images: int, recipe: Recipe) -> tuple[int, int]:
    """How many images a step has, and how many passes through them an epoch.

    One rule for all sizes: an epoch has about `epoch_steps` steps or more. Of few images the
    batches are smaller, but for `SMALLEST_BATCH`; of fewer still, an epoch takes each image several
    times.
    """
    size = min(recipe.batch_size, max(SMALLEST_BATCH, images // recipe.epoch_steps))
    return size, max(1, round(recipe.epoch_steps / math.ceil(images / size)))


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix and a dot, by the rest of their names."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }
