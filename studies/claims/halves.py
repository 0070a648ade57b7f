"""An autoencoder whose encoding is split in two halves of digits, and the certificates of it.

Each digit's gradient goes to its half of the encoding. Whether the other half then knows nothing of
the digit is asked of a certificate: a decoder that learns, afterwards, to reconstruct all digits

from one half alone. What it cannot draw, that half does not hold.

Source: Cloud et al. 2024, "Gradient Routing" (arXiv 2410.04332), section 4.1 and appendix B; where
paper and code differ, the code, `projects/mnist/representation_splitting.py` and
`runs_for_paper_main.py` as copied in makataomu/gradient-routing, commit 884be5c:

- pixels in [-1, 1] for the models;
- the reconstruction terms of the two halves' digits are means of their own, and added;
- the correlation is taken before its absolute value (the paper's formula takes the absolute value
  of each image's product, which is no correlation).

Here the certificates learn after the autoencoder, not beside it, so that the encoding stands still.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.base.numerics import repeatable
from grvae.base.seeding import random_stream, weights_drawn_from
from grvae.base.sizes import DIGITS, PIXELS
from grvae.base.storage import arrays_sha256
from grvae.model.descent import Descent, one_cycle
from grvae.model.images import ImageSet
from grvae.model.routing import latent_map, route_gradient
from studies.claims.halves_params import HalvesRecipe

ADAM_BETA1 = 0.9

# `decoder` sees the whole encoding, `top` and `bottom` are the certificates of a half, and the two
# images are what is best drawn of a half's digits without seeing anything.
Decoder = Literal["decoder", "top", "bottom", "mean_image", "median_image"]


@dataclass(frozen=True)
class DigitErrors:
    """Errors (digit,) per image, summed over pixels in [0, 1] and averaged over a digit's images.

    The paper's tables, called absolute errors there, are squared errors of pixels in [-1, 1],
    averaged over pixels: 4 / 784 times `squared_error`.
    """

    absolute_error: list[float]
    squared_error: list[float]


@dataclass(frozen=True)
class GroupErrors:
    """Errors of one half's digits, averaged over digits, against drawing blind.

    Attributes:
        absolute_error: per image, summed over pixels.
        squared_error: per image, summed over pixels.
        absolute_error_explained: share of the median image's absolute error that is done away
            with; 0 for who knows nothing of an image but its half.
        squared_error_explained: share of the mean image's squared error, likewise.
    """

    absolute_error: float
    squared_error: float
    absolute_error_explained: float
    squared_error_explained: float


@dataclass(frozen=True)
class HalvesResult:
    """What an autoencoder of two halves and its certificates do on images new to them.

    Attributes:
        by_digit: errors of every decoder, digit by digit.
        top_digits: errors of every decoder on the digits of the top half.
        bottom_digits: errors of every decoder on the digits of the bottom half.
        top_separation: share of the median image's absolute error that the top half's certificate
            explains of its own digits, less what it explains of the foreign ones; 0 is no split.
        bottom_separation: likewise of the bottom half.
        weights_sha256: of all trained weights, those of the certificates included.
    """

    by_digit: dict[Decoder, DigitErrors]
    top_digits: dict[Decoder, GroupErrors]
    bottom_digits: dict[Decoder, GroupErrors]
    top_separation: float
    bottom_separation: float
    weights_sha256: str


@repeatable(has_convolutions=False)
def train_halves(train: ImageSet, test: ImageSet, recipe: HalvesRecipe, seed: int) -> HalvesResult:
    """Train one autoencoder of two halves, then its certificates, and measure all of them.

    On a CPU the same arguments give the same bits. Runs with equal seed and sizes share initial
    weights and batch order.

    Args:
        train: images to learn from.
        test: images to measure on.
        recipe: architecture, routing, penalties and schedule.
        seed: of initial weights and batch order.

    Raises:
        GrvaeError: a loss is not finite, or a digit is missing among the test images.
    """
    init, shuffle = random_stream(seed, "init"), random_stream(seed, "shuffle")
    is_top = torch.zeros(DIGITS, dtype=torch.bool)
    is_top[recipe.top_digits] = True
    shares = gradient_shares(recipe)

    model = build_autoencoder(recipe, init)
    images = centred(train.pixels)

    def autoencoder_loss(batch: Tensor) -> Tensor:
        labels = train.labels[batch]
        return halves_loss(model, images[batch], is_top[labels], shares[labels], recipe)

    epochs, learning_rate = recipe.epochs, recipe.learning_rate
    descend(model, autoencoder_loss, len(train), epochs, learning_rate, recipe, shuffle)

    readings: dict[Decoder, Tensor] = {}
    with torch.no_grad():
        train_halves = model.encoder(images).chunk(2, dim=1)
        test_latents = model.encoder(centred(test.pixels))
        test_halves = test_latents.chunk(2, dim=1)
        readings["decoder"] = model.decode(test_latents, is_top[test.labels])
    modules: dict[str, nn.Module] = {"autoencoder": model}
    names: tuple[Decoder, Decoder] = ("top", "bottom")
    for name, train_half, test_half in zip(names, train_halves, test_halves, strict=True):
        certificate = train_certificate(train_half, images, recipe, init, shuffle)
        modules[name] = certificate
        with torch.no_grad():
            readings[name] = certificate(test_half)

    drawn = {name: (reading + 1) / 2 for name, reading in readings.items()}
    drawn |= blind_images(train, is_top, test.labels)
    by_digit = {name: digit_errors(test, image) for name, image in drawn.items()}
    weights = {
        f"{module}.{name}": tensor.numpy(force=True)
        for module, part in modules.items()
        for name, tensor in part.state_dict().items()
    }
    of_top, of_bottom = group_errors(by_digit, is_top), group_errors(by_digit, ~is_top)
    return HalvesResult(
        by_digit=by_digit,
        top_digits=of_top,
        bottom_digits=of_bottom,
        top_separation=explained_beyond(of_top["top"], of_bottom["top"]),
        bottom_separation=explained_beyond(of_bottom["bottom"], of_top["bottom"]),
        weights_sha256=arrays_sha256(weights),
    )


class HalvesAutoencoder(nn.Module):
    """Multilayer perceptrons with ReLU; the encoder ends without a bias, as published."""

    def __init__(self, recipe: HalvesRecipe) -> None:
        super().__init__()
        sizes = [PIXELS, *recipe.hidden_sizes, recipe.latents]
        self.encoder = perceptron(sizes, last_bias=False)
        self.top_decoder = perceptron(sizes[::-1], last_bias=True)
        if recipe.decoders == "shared":
            self.bottom_decoder = self.top_decoder
        else:
            self.bottom_decoder = perceptron(sizes[::-1], last_bias=True)

    def decode(self, latents: Tensor, is_top: Tensor) -> Tensor:
        """Images (batch, 784) of latents (batch, latent), each by the decoder of its digit."""
        if self.bottom_decoder is self.top_decoder:
            decoded: Tensor = self.top_decoder(latents)
            return decoded
        return torch.where(is_top[:, None], self.top_decoder(latents), self.bottom_decoder(latents))


def perceptron(sizes: list[int], last_bias: bool) -> nn.Sequential:
    """Linear layers from each size to the next, with a ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers[-2:] = [nn.Linear(sizes[-2], sizes[-1], bias=last_bias)]
    return nn.Sequential(*layers)


def build_autoencoder(recipe: HalvesRecipe, init: torch.Generator) -> HalvesAutoencoder:
    """An untrained model with PyTorch's default initial weights, drawn from `init`."""
    with weights_drawn_from(init):
        return HalvesAutoencoder(recipe)


def gradient_shares(recipe: HalvesRecipe) -> Tensor:
    """What share (digit, latent), 0 or 1, of a digit's gradient each latent receives."""
    others = [digit for digit in range(DIGITS) if digit not in recipe.top_digits]
    shares = latent_map([recipe.top_digits, others], recipe.latents // 2, 0)
    if recipe.routing == "top_half":
        shares[:, recipe.latents // 2 :] = 1
    elif recipe.routing == "none":
        shares[:] = 1
    return shares


def halves_loss(
    model: HalvesAutoencoder, images: Tensor, is_top: Tensor, shares: Tensor, recipe: HalvesRecipe
) -> Tensor:
    """What the autoencoder descends on; only the reconstruction's gradient is routed.

    Args:
        model: encoder and decoders.
        images: (batch, 784) float in [-1, 1].
        is_top: (batch,) bool, whether each image's digit is one of the top half.
        shares: (batch, latent) float in [0, 1], of the reconstruction's gradient.
        recipe: trained digits and weights of the penalties.
    """
    latents = model.encoder(images)
    decoded = model.decode(route_gradient(latents, shares), is_top)
    errors = (decoded - images).abs().mean(dim=1)
    reconstruction = mean_where(errors, ~is_top)
    if recipe.trained_digits == "all":
        reconstruction = reconstruction + mean_where(errors, is_top)
    top, bottom = latents.chunk(2, dim=1)
    penalties = recipe.top_l1_weight * l1_penalty(top)
    penalties = penalties + recipe.bottom_l1_weight * l1_penalty(bottom)
    penalties = penalties + recipe.correlation_weight * correlation_penalty(top, bottom)
    return reconstruction + penalties


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values (batch,); 0 if none is chosen, as in a short last batch."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)


def l1_penalty(latents: Tensor) -> Tensor:
    """L1 norm of latents (batch, latent), averaged over the batch."""
    return latents.abs().sum(dim=1).mean()


def correlation_penalty(top: Tensor, bottom: Tensor) -> Tensor:
    """Mean absolute correlation, over the batch, between latents (batch, latent) of two halves.

    A latent that does not vary counts as uncorrelated.
    """
    top = F.normalize(top - top.mean(dim=0), dim=0)
    bottom = F.normalize(bottom - bottom.mean(dim=0), dim=0)
    return (top.T @ bottom).abs().mean()


def train_certificate(
    latents: Tensor,
    images: Tensor,
    recipe: HalvesRecipe,
    init: torch.Generator,
    shuffle: torch.Generator,
) -> nn.Module:
    """A decoder that learns to draw images (image, 784) from half an encoding (image, latent)."""
    with weights_drawn_from(init):
        sizes = [latents.shape[1], *recipe.hidden_sizes[::-1], PIXELS]
        certificate = perceptron(sizes, last_bias=True)

    def loss(batch: Tensor) -> Tensor:
        difference: Tensor = certificate(latents[batch]) - images[batch]
        if recipe.certificate_loss == "squared_error":
            return difference.square().mean(dim=1).mean()
        return difference.abs().mean(dim=1).mean()

    epochs, learning_rate = recipe.certificate_epochs, recipe.certificate_learning_rate
    descend(certificate, loss, len(images), epochs, learning_rate, recipe, shuffle)
    return certificate


def descend(
    module: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    images: int,
    epochs: int,
    learning_rate: float,
    recipe: HalvesRecipe,
    shuffle: torch.Generator,
) -> None:
    """Train a module in place with Adam and a one-cycle learning rate.

    Args:
        module: whose parameters learn.
        loss_of: the loss of the images with given indices (batch,).
        images: how many there are.
        epochs: how often each is seen.
        learning_rate: the highest one.
        recipe: batch size, and Adam's constants; the weight decay is an L2 penalty, as published.
        shuffle: stream of the batch order.

    Raises:
        GrvaeError: the loss is not finite.
    """
    optimizer = torch.optim.Adam(
        module.parameters(),
        betas=(ADAM_BETA1, recipe.adam_beta2),
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    steps = math.ceil(images / recipe.batch_size)
    rate = one_cycle(optimizer, learning_rate, epochs * steps, cycle_momentum=False)
    descent = Descent(optimizer, rate, steps)
    for _ in range(epochs):
        for batch in torch.randperm(images, generator=shuffle).split(recipe.batch_size):
            descent.step(loss_of(batch))


def centred(pixels: Tensor) -> Tensor:
    """Pixels of [0, 1] in [-1, 1], as the models see and draw them."""
    return 2 * pixels - 1


def blind_images(train: ImageSet, is_top: Tensor, labels: Tensor) -> dict[Decoder, Tensor]:
    """The best images (image, 784) that know of each test image only to which half it belongs.

    The mean is best by squared error, the median by absolute error; both are those of the train
    images of the half's digits.
    """
    top, bottom = train.pixels[is_top[train.labels]], train.pixels[~is_top[train.labels]]
    chosen = is_top[labels][:, None]
    return {
        "mean_image": torch.where(chosen, top.mean(dim=0), bottom.mean(dim=0)),
        "median_image": torch.where(chosen, top.median(dim=0).values, bottom.median(dim=0).values),
    }


def digit_errors(test: ImageSet, drawn: Tensor) -> DigitErrors:
    """Errors of drawn images (image, 784), digit by digit.

    Raises:
        GrvaeError: a digit has no image.
    """
    difference = test.pixels - drawn
    absolute, squared = difference.abs().sum(dim=1), difference.square().sum(dim=1)
    counts = torch.bincount(test.labels, minlength=DIGITS)
    if not counts.all():
        raise GrvaeError(f"test images: got none of the digit {int(counts.argmin())}")
    is_digit = F.one_hot(test.labels, DIGITS).double()
    return DigitErrors(
        absolute_error=(absolute.double() @ is_digit / counts).tolist(),
        squared_error=(squared.double() @ is_digit / counts).tolist(),
    )


def group_errors(
    by_digit: dict[Decoder, DigitErrors], chosen: Tensor
) -> dict[Decoder, GroupErrors]:
    """Errors of every decoder on the chosen digits (digit,) bool."""

    def mean(errors: list[float]) -> float:
        return torch.tensor(errors, dtype=torch.float64)[chosen].mean().item()

    least_absolute = mean(by_digit["median_image"].absolute_error)
    least_squared = mean(by_digit["mean_image"].squared_error)
    groups: dict[Decoder, GroupErrors] = {}
    for name, errors in by_digit.items():
        absolute, squared = mean(errors.absolute_error), mean(errors.squared_error)
        groups[name] = GroupErrors(
            absolute_error=absolute,
            squared_error=squared,
            absolute_error_explained=1 - absolute / least_absolute,
            squared_error_explained=1 - squared / least_squared,
        )
    return groups


def explained_beyond(own: GroupErrors, foreign: GroupErrors) -> float:
    """How much more of the absolute error is explained of one group than of another."""
    return own.absolute_error_explained - foreign.absolute_error_explained
