"""The training loop, to be read from top to bottom.

Two phases. In the joint phase encoder and decoder learn together, with noise, and with the routing
between them. In the decoder phase the encoder is frozen and the decoder learns on without noise,
from the very latents that it will be asked to decode.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.sizes import DIGITS
from grvae.model.augmentation import augment
from grvae.model.checkpoint import Checkpoint
from grvae.model.images import ImageSet
from grvae.model.losses import (
    binary_cross_entropy,
    kl_as_published,
    kl_to_nearest_normal,
    squared_error,
)
from grvae.model.routing import (
    choose_routes,
    digit_scores,
    gradient_shares,
    latent_map,
    route_gradient,
)
from grvae.model.vae import VAE, Architecture, LatentAct, build_vae
from grvae.params import Recipe

ADAM_BETA1 = 0.9

# oneMKL splits the sums of small matrix products over many threads, even in its strict mode: the
# recipes' shapes give the same bits from 1 to 8 threads, and others beyond.
MAX_THREADS = 8

# Shares of the joint phase between which the prior moves from 0 to its mean, and the weight of the
# KL term from its first to its final value.
PRIOR_RAMP = (0.3, 0.9)

# g-w1/gradient-routed-vae, `vae.py`, commit 07c641d: `lr = lambda epoch: 1e-3 * 0.95**epoch`.
EXPONENTIAL_DECAY_PER_EPOCH = 0.95


Phase = Literal["joint", "decoder"]
Losses = tuple[float, float, float | None]


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


def train_vae(
    train: ImageSet,
    validation: ImageSet,
    recipe: Recipe,
    latent_act: LatentAct,
    seed: int,
    on_epoch: Callable[[EpochRow], None] = lambda row: None,
    checkpoint: Checkpoint | None = None,
) -> tuple[VAE, list[EpochRow]]:
    """Train one model from scratch; on a CPU the same arguments give the same bits.

    Args:
        train: images to learn from.
        validation: images for the history only; may be none.
        recipe: architecture, losses and schedule.
        latent_act: applied to the sampled latents before the decoder.
        seed: runs with equal seed share initial weights, batch order and noise.
        on_epoch: called after each epoch that is trained here.
        checkpoint: where to go on from if it holds this very run, and where to save on the way.

    Returns:
        The model, and its whole history.

    Raises:
        GrvaeError: a loss is not finite; names epoch and step.
    """
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(min(torch.get_num_threads(), MAX_THREADS))
    run = Run(recipe, latent_act, seed, train.labels)
    saved = checkpoint.load() if checkpoint else None
    if saved:
        run.restore(*saved)

    def end_epoch(phase: Phase, losses: Losses) -> None:
        row = EpochRow(len(run.rows) + 1, phase, *losses, *validate(run, validation))
        run.rows.append(row)
        on_epoch(row)
        if checkpoint:
            checkpoint.save_if_due(run.arrays, run.about)

    for _ in range(len(run.rows), recipe.epochs):
        batches = shuffled_batches(len(train), recipe.batch_size, run.shuffle)
        end_epoch("joint", joint_epoch(run, train, batches))

    if recipe.decoder_epochs:
        latents = encode_all(run.model, train.pixels)
        if len(run.rows) == recipe.epochs:
            run.enter_decoder_phase()
        for _ in range(len(run.rows), recipe.epochs + recipe.decoder_epochs):
            batches = shuffled_batches(len(train), recipe.batch_size, run.shuffle)
            end_epoch("decoder", decoder_epoch(run, latents, train.pixels, batches))
    return run.model, run.rows


def joint_epoch(run: "Run", train: ImageSet, batches: Iterable[Tensor]) -> Losses:
    """Encoder and decoder learn together; returns the mean loss, reconstruction term and KL."""
    model, recipe = run.model, run.recipe
    sums = torch.zeros(3)
    for batch in batches:
        images, shares = train[batch], run.shares[run.routes[batch]]
        # The reconstruction is still compared with the image as it was.
        seen = augment(images.pixels, recipe.max_shift, recipe.max_rotation, run.augmentation)
        mean, scale = model.encode(seen)
        noise = recipe.noise * torch.randn(mean.shape, generator=run.noise)
        latents = model.activate(mean + model.noise_std(scale) * noise)
        logits = model.decode(route_gradient(latents, shares))

        ramp = prior_ramp(run.descent.progress)
        reconstruction = reconstruction_term(images.pixels, logits, recipe).mean()
        heads = (mean, scale)
        if recipe.kl_routing == "label":
            heads = (route_gradient(mean, shares), route_gradient(scale, shares))
        kl = kl_term(*heads, run.owned[images.labels], recipe, ramp).mean()
        kl_weight = (1 - ramp) * recipe.kl_weight + ramp * recipe.final_kl_weight
        loss = recipe.reconstruction_weight * reconstruction + kl_weight * kl
        if recipe.cross_entropy_weight:
            scores = digit_scores(mean, recipe.latents_per_digit)
            loss = loss + recipe.cross_entropy_weight * F.cross_entropy(scores, images.labels)
        run.descent.step(loss)
        sums += len(batch) * torch.stack([loss, reconstruction, kl]).detach()
    loss_mean, reconstruction_mean, kl_mean = (sums / len(train)).tolist()
    return loss_mean, reconstruction_mean, kl_mean


def decoder_epoch(run: "Run", latents: Tensor, pixels: Tensor, batches: Iterable[Tensor]) -> Losses:
    """The decoder alone learns, without noise; returns the mean loss, the same, and no KL."""
    total = torch.zeros(())
    for batch in batches:
        reconstructions = torch.sigmoid(run.model.decode(latents[batch]))
        loss = squared_error(pixels.index_select(0, batch), reconstructions).mean()
        run.descent.step(loss)
        total += len(batch) * loss.detach()
    mean = float(total / len(pixels))
    return mean, mean, None


def reconstruction_term(pixels: Tensor, logits: Tensor, recipe: Recipe) -> Tensor:
    """The recipe's reconstruction term (batch,), from pixels and logits (batch, 784)."""
    if recipe.reconstruction == "squared_error":
        return squared_error(pixels, torch.sigmoid(logits))
    return binary_cross_entropy(pixels, logits)


def kl_term(mean: Tensor, scale: Tensor, owned: Tensor, recipe: Recipe, ramp: float) -> Tensor:
    """The recipe's regulariser (batch,).

    Args:
        mean: (batch, latent) float.
        scale: (batch, latent) float.
        owned: (batch, latent), 1 where the latent is the image's digit's.
        recipe: which regulariser, and its prior.
        ramp: how far the prior has moved; see `prior_ramp`.
    """
    if recipe.posterior == "as_published":
        return kl_as_published(mean, scale)
    prior_mean: float | Tensor = ramp * recipe.prior_mean
    if recipe.digit_prior_mean is not None:
        prior_mean = torch.where(owned == 1, recipe.digit_prior_mean, prior_mean)
    return kl_to_nearest_normal(mean, scale, prior_mean, recipe.prior_slack)


class Run:
    """All that changes while one model is trained: what a checkpoint holds.

    Attributes:
        recipe: how it is trained.
        owned: (digit, latent), 1 where a latent belongs to a digit.
        shares: (route, latent), the share of the gradient that reaches each latent.
        routes: (image,), the row of `shares` that an image takes.
        model: the model in training.
        shuffle: stream of the batch order.
        augmentation: stream of the images' shifts and rotations.
        noise: stream of the posterior's noise.
        descent: optimizer of the current phase.
        rows: history so far.
    """

    def __init__(self, recipe: Recipe, latent_act: LatentAct, seed: int, labels: Tensor) -> None:
        self.recipe, self.images = recipe, len(labels)
        digits = [[digit] for digit in range(DIGITS)]
        self.owned = latent_map(digits, recipe.latents_per_digit, recipe.free_latents)
        off_route = 1.0 if recipe.routing == "none" else recipe.off_route_gradient
        self.shares = gradient_shares(self.owned, off_route)
        self.routes = choose_routes(
            labels, recipe.routed_images, recipe.wrong_labels, random_stream(seed, "routes")
        )
        self.model = build_model(recipe, latent_act, seed)
        self.shuffle = random_stream(seed, "shuffle")
        self.augmentation = random_stream(seed, "augmentation")
        self.noise = random_stream(seed, "noise")
        self.descent = Descent(self.model, recipe, self.images, recipe.epochs, recipe.learning_rate)
        self.rows: list[EpochRow] = []

    def enter_decoder_phase(self) -> None:
        """Leave the encoder as it is and start a new optimizer for the decoder alone."""
        epochs, rate = self.recipe.decoder_epochs, self.recipe.decoder_learning_rate
        self.descent = Descent(self.model.decoder, self.recipe, self.images, epochs, rate)

    @property
    def streams(self) -> dict[str, torch.Generator]:
        """The random streams by name."""
        names = ("shuffle", "augmentation", "noise")
        return {name: getattr(self, name) for name in names}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The state in arrays, by name."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, moments in self.descent.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        for name, stream in self.streams.items():
            tensors[f"stream.{name}"] = stream.get_state()
        return {name: tensor.numpy(force=True) for name, tensor in tensors.items()}

    @property
    def about(self) -> dict[str, Any]:
        """The rest of the state, as JSON."""
        return {
            "rows": [asdict(row) for row in self.rows],
            "steps": self.descent.steps,
            "groups": self.descent.optimizer.state_dict()["param_groups"],
            "schedule": self.descent.schedule.state_dict(),
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
        self.descent.optimizer.load_state_dict({"state": moments, "param_groups": about["groups"]})
        self.descent.schedule.load_state_dict(dict(about["schedule"]))
        self.descent.steps = about["steps"]
        for name, stream in self.streams.items():
            stream.set_state(tensors[f"stream.{name}"])


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix and a dot, by the rest of their names."""
    start = f"{prefix}."
    return {
        name.removeprefix(start): tensor
        for name, tensor in tensors.items()
        if name.startswith(start)
    }


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
            module.parameters(),
            lr=learning_rate,
            betas=(ADAM_BETA1, recipe.adam_beta2),
            weight_decay=recipe.weight_decay,
            fused=True,
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
        network=recipe.network,
        hidden_sizes=tuple(recipe.hidden_sizes),
        hidden_act=recipe.hidden_act,
        bottleneck=recipe.bottleneck,
        latents=DIGITS * recipe.latents_per_digit + recipe.free_latents,
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
def validate(run: Run, validation: ImageSet) -> tuple[float | None, float | None]:
    """Argmax accuracy and mean squared error on the validation split, if there is one."""
    if len(validation) == 0:
        return None, None
    mean, _ = run.model.encode(validation.pixels)
    reconstructions = torch.sigmoid(run.model.decode(run.model.activate(mean)))
    error = squared_error(validation.pixels, reconstructions).mean().item()
    predictions = digit_scores(mean, run.recipe.latents_per_digit).argmax(dim=1)
    return (predictions == validation.labels).sum().item() / len(validation), error
