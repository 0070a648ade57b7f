"""The training loop, to be read from top to bottom.

Two phases. In the joint phase encoder and decoder learn together, with noise, and with the routing
between them. In the decoder phase the encoder is frozen and the decoder learns on without noise,
from the very latents that it will be asked to decode.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from grvae.errors import GrvaeError
from grvae.images import ImageSet
from grvae.losses import kl_as_published, kl_to_nearest_normal, squared_error
from grvae.metrics import accuracy, confusion_matrix
from grvae.params import Recipe
from grvae.routing import route_gradient
from grvae.seeding import random_stream
from grvae.vae import VAE, Architecture, LatentAct, build_vae

DIGITS = 10

# oneMKL splits the sums of small matrix products over many threads, even in its strict mode: the
# recipes' shapes give the same bits from 1 to 8 threads, and others beyond.
MAX_THREADS = 8

# Shares of the joint phase between which the prior moves from 0 to its mean.
PRIOR_RAMP = (0.3, 0.9)

# g-w1/gradient-routed-vae, `vae.py`, commit 07c641d: `lr = lambda epoch: 1e-3 * 0.95**epoch`.
EXPONENTIAL_DECAY_PER_EPOCH = 0.95


Losses = tuple[float, float, float | None]


@dataclass(frozen=True)
class EpochRow:
    """One line of a run's history; losses are means over the epoch's images.

    Attributes:
        epoch: counted from 1 through both phases.
        phase: the phase that the epoch belongs to.
        loss: what the optimizer saw.
        squared_error: summed over pixels.
        kl: the regulariser before its weight, in nats unless published; None in the decoder phase.
        validation_accuracy: share of the images whose largest mean is their label's, in [0, 1];
            None without a validation split.
        validation_squared_error: summed over pixels, decoding the activated mean; None likewise.
    """

    epoch: int
    phase: Literal["joint", "decoder"]
    loss: float
    squared_error: float
    kl: float | None
    validation_accuracy: float | None
    validation_squared_error: float | None


def train_vae(
    train: ImageSet,
    validation: ImageSet,
    recipe: Recipe,
    latent_act: LatentAct,
    seed: int,
    on_epoch: Callable[[EpochRow], None] = lambda row: None,
) -> VAE:
    """Train one model from scratch; on a CPU the same arguments give the same bits.

    Args:
        train: images to learn from.
        validation: images for the history only; may be none.
        recipe: architecture, losses and schedule.
        latent_act: applied to the sampled latents before the decoder.
        seed: runs with equal seed share initial weights, batch order and noise.
        on_epoch: called after each epoch.

    Raises:
        GrvaeError: a loss is not finite; names epoch and step.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(min(torch.get_num_threads(), MAX_THREADS))
    model = build_model(recipe, latent_act, seed)
    shuffle, noise = random_stream(seed, "shuffle"), random_stream(seed, "noise")

    descent = Descent(model, recipe, len(train), recipe.epochs, recipe.learning_rate)
    for epoch in range(1, recipe.epochs + 1):
        batches = shuffled_batches(len(train), recipe.batch_size, shuffle)
        losses = joint_epoch(model, train, batches, noise, recipe, descent)
        on_epoch(EpochRow(epoch, "joint", *losses, *validate(model, validation)))
    if recipe.decoder_epochs == 0:
        return model

    latents = encode_all(model, train.pixels)
    descent = Descent(
        model.decoder, recipe, len(train), recipe.decoder_epochs, recipe.decoder_learning_rate
    )
    for epoch in range(recipe.epochs + 1, recipe.epochs + recipe.decoder_epochs + 1):
        batches = shuffled_batches(len(train), recipe.batch_size, shuffle)
        losses = decoder_epoch(model, latents, train.pixels, batches, descent)
        on_epoch(EpochRow(epoch, "decoder", *losses, *validate(model, validation)))
    return model


def joint_epoch(
    model: VAE,
    train: ImageSet,
    batches: Iterable[Tensor],
    noise: torch.Generator,
    recipe: Recipe,
    descent: "Descent",
) -> Losses:
    """Encoder and decoder learn together; returns the mean loss, squared error and KL."""
    sums = torch.zeros(3)
    for batch in batches:
        images, labels = train.pixels[batch], train.labels[batch]
        mean, scale = model.encode(images)
        std = model.noise_std(scale)
        latents = model.activate(mean + std * torch.randn(mean.shape, generator=noise))
        if recipe.routing == "label":
            latents = route_gradient(latents, labels)
        reconstructions = torch.sigmoid(model.decode(latents))
        error = squared_error(images, reconstructions).mean()
        if recipe.posterior == "gaussian":
            centre = recipe.prior_mean * prior_ramp(descent.progress)
            kl = kl_to_nearest_normal(mean, scale, centre, recipe.prior_slack).mean()
        else:
            kl = kl_as_published(mean, scale).mean()
        loss = recipe.squared_error_weight * error + recipe.kl_weight * kl
        descent.step(loss)
        sums += len(batch) * torch.stack([loss, error, kl]).detach()
    loss_mean, error_mean, kl_mean = (sums / len(train)).tolist()
    return loss_mean, error_mean, kl_mean


def decoder_epoch(
    model: VAE, latents: Tensor, pixels: Tensor, batches: Iterable[Tensor], descent: "Descent"
) -> Losses:
    """The decoder alone learns, without noise; returns the mean loss, squared error and no KL."""
    total = torch.zeros(())
    for batch in batches:
        reconstructions = torch.sigmoid(model.decode(latents[batch]))
        loss = squared_error(pixels[batch], reconstructions).mean()
        descent.step(loss)
        total += len(batch) * loss.detach()
    mean = float(total / len(pixels))
    return mean, mean, None


class Descent:
    """The optimizer of one phase, with its learning rate.

    `one_cycle` rises to the given rate and falls to nearly zero (Smith & Topin 2017, arXiv
    1708.07120); `exponential` starts at the given rate and shrinks it after every epoch, as
    published.
    """

    def __init__(
        self, module: nn.Module, recipe: Recipe, images: int, epochs: int, learning_rate: float
    ) -> None:
        self.steps_per_epoch = math.ceil(images / recipe.batch_size)
        self.total_steps = epochs * self.steps_per_epoch
        self.steps = 0
        self.optimizer = torch.optim.AdamW(
            module.parameters(), lr=learning_rate, weight_decay=recipe.weight_decay, fused=True
        )
        self.schedule: LRScheduler
        if recipe.learning_rate_schedule == "one_cycle":
            # One more than there are: the scheduler is also advanced after the last step.
            self.schedule = OneCycleLR(self.optimizer, learning_rate, self.total_steps + 1)
        else:
            self.schedule = LambdaLR(
                self.optimizer,
                lambda step: EXPONENTIAL_DECAY_PER_EPOCH ** (step // self.steps_per_epoch),
            )

    @property
    def progress(self) -> float:
        """Share of the phase's steps that are done, in [0, 1]."""
        return self.steps / self.total_steps

    def step(self, loss: Tensor) -> None:
        """One optimizer step down the loss.

        Raises:
            GrvaeError: the loss is not finite.
        """
        if not math.isfinite(loss.item()):
            epoch, step = divmod(self.steps, self.steps_per_epoch)
            raise GrvaeError(
                f"the loss became {loss.item()} in epoch {epoch + 1} of its phase, step {step + 1}"
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        self.steps += 1


def prior_ramp(progress: float) -> float:
    """How far the prior has moved from 0 to its mean, in [0, 1], at a share of the joint phase.

    It starts at 0, where the ReLU makes every digit take the positive side of its latent, and
    arrives before the phase ends, so that the encoder settles.
    """
    start, end = PRIOR_RAMP
    return min(1.0, max(0.0, (progress - start) / (end - start)))


def build_model(recipe: Recipe, latent_act: LatentAct, seed: int) -> VAE:
    """An untrained model with the seed's initial weights."""
    architecture = Architecture(
        hidden_sizes=tuple(recipe.hidden_sizes),
        hidden_act=recipe.hidden_act,
        bottleneck=recipe.bottleneck,
        latents=DIGITS,
        latent_act=latent_act,
        posterior=recipe.posterior,
    )
    model = build_vae(architecture, random_stream(seed, "init"))
    if recipe.initial_log_variance is not None:
        nn.init.constant_(model.scale_head.bias, recipe.initial_log_variance)
    return model


def shuffled_batches(images: int, batch_size: int, shuffle: torch.Generator) -> Iterator[Tensor]:
    """Indices (batch,) of each batch of one epoch; the last one may be short."""
    return iter(torch.randperm(images, generator=shuffle).split(batch_size))


@torch.no_grad()
def encode_all(model: VAE, pixels: Tensor) -> Tensor:
    """Activated means (image, latent): what the decoder is given outside of training."""
    parts = [model.activate(model.encode(part)[0]) for part in pixels.split(8192)]
    return torch.cat(parts)


@torch.no_grad()
def validate(model: VAE, validation: ImageSet) -> tuple[float | None, float | None]:
    """Argmax accuracy and mean squared error on the validation split, if there is one."""
    if len(validation) == 0:
        return None, None
    mean, _ = model.encode(validation.pixels)
    reconstructions = torch.sigmoid(model.decode(model.activate(mean)))
    error = squared_error(validation.pixels, reconstructions).mean().item()
    labels, predictions = validation.labels.numpy(), mean.argmax(dim=1).numpy()
    return accuracy(confusion_matrix(labels, predictions, DIGITS)), error
