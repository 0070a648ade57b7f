"""The training loop, to be read from top to bottom.

Two phases. In the joint phase encoder and decoder learn together, with noise, and with the routing
between them. In the decoder phase the encoder is frozen and the decoder learns on without noise,
from the very latents that it will be asked to decode.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.model.augmentation import shift_at_random
from grvae.model.checkpoint import Checkpoint
from grvae.model.images import ImageSet, by_parts, scaled
from grvae.model.losses import (
    classification_loss,
    kl_term,
    kl_weight,
    prior_ramp,
    reconstruction_term,
    squared_error,
)
from grvae.model.routing import class_scores
from grvae.model.run import EpochRow, Phase, Run
from grvae.model.vae import VAE
from grvae.params import LatentAct, Recipe

Losses = tuple[float, float, float | None]


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
    with repeatable(has_convolutions=recipe.network != "mlp"):
        run = Run(recipe, latent_act, seed, train)
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
            end_epoch("joint", joint_epoch(run, train, run.shuffled_batches()))

        if recipe.decoder_epochs:
            latents = encode_all(run.model, train.stored)
            if len(run.rows) == recipe.epochs:
                run.enter_decoder_phase()
            for _ in range(len(run.rows), recipe.epochs + recipe.decoder_epochs):
                losses = decoder_epoch(run, latents, train.stored, run.shuffled_batches())
                end_epoch("decoder", losses)
        return run.model, run.rows


def joint_epoch(run: Run, train: ImageSet, batches: Iterable[Tensor]) -> Losses:
    """Encoder and decoder learn together; returns the mean loss, reconstruction term and KL."""
    model, recipe, routing = run.model, run.recipe, run.routing
    sums = torch.zeros(3)
    for batch in batches:
        images = train[batch]
        pixels = images.pixels
        # The reconstruction is still compared with the image as it was.
        seen = shift_at_random(pixels, images.spec, recipe.max_shift, run.augmentation)
        mean, scale = routing.encode(model, seen, batch, run.joint_progress)
        noise = recipe.noise * torch.randn(mean.shape, generator=run.noise)
        latents = model.activate(mean + model.noise_std(scale) * noise)
        logits = model.decode(routing.apply(latents, batch, run.joint_progress))

        reconstruction = reconstruction_term(pixels, logits, recipe).mean()
        ramp = prior_ramp(run.joint_progress, recipe)
        kl = kl_term(mean, scale, routing.latent_mask[images.labels], recipe, ramp).mean()
        loss = recipe.reconstruction_weight * reconstruction + kl_weight(ramp, recipe) * kl
        if recipe.cross_entropy_weight or recipe.hinge_weight:
            given = routing.routes_of(mean, batch, run.joint_progress)
            loss = loss + classification_loss(mean, given, routing.latent_mask, recipe)
        run.phase_optimizer.step(loss)
        sums += len(batch) * torch.stack([loss, reconstruction, kl]).detach()
    loss_mean, reconstruction_mean, kl_mean = (sums / (run.passes * len(train))).tolist()
    return loss_mean, reconstruction_mean, kl_mean


def decoder_epoch(run: Run, latents: Tensor, stored: Tensor, batches: Iterable[Tensor]) -> Losses:
    """The decoder alone learns, without noise; returns the mean loss, the same, and no KL."""
    total = torch.zeros(())
    for batch in batches:
        reconstructions = torch.sigmoid(run.model.decode(latents[batch]))
        loss = squared_error(scaled(stored.index_select(0, batch)), reconstructions).mean()
        run.phase_optimizer.step(loss)
        total += len(batch) * loss.detach()
    mean = float(total / (run.passes * len(stored)))
    return mean, mean, None


@torch.no_grad()
def encode_all(model: VAE, stored: Tensor) -> Tensor:
    """Activated means (image, latent): what the decoder is given outside of training."""
    return by_parts(lambda pixels: model.activate(model.encode(pixels)[0]), stored)


@torch.no_grad()
def validate(run: Run, validation: ImageSet) -> tuple[float | None, float | None]:
    """Argmax accuracy and mean squared error on the validation split, if there is one."""
    if len(validation) == 0:
        return None, None
    right, errors = 0, []
    for part in validation.parts():
        pixels = part.pixels
        mean, _ = run.model.encode(pixels)
        reconstructions = torch.sigmoid(run.model.decode(run.model.activate(mean)))
        errors.append(squared_error(pixels, reconstructions))
        predictions = class_scores(mean, run.recipe.latents_per_class).argmax(dim=1)
        right += int((predictions == part.labels).sum())
    return right / len(validation), torch.cat(errors).mean().item()
