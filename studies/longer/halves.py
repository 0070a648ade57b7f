"""The paper's autoencoder of two halves, and what one half knows of the other's digits.

The images of the digits 0 to 4 teach the first half of the encoding alone, those of 5 to 9 the
second. What the second half knows of the first one's digits is asked of a certificate: a decoder
that learns, afterwards, to draw all digits from the second half. What it cannot draw is not there.

Source: Cloud et al. 2024, "Gradient Routing" (arXiv 2410.04332), section 4.1 and appendix B, and
kxcloud/gradient-routing, `projects/mnist/representation_splitting.py` and `partial_routing.py`.
Where paper and code differ, it is the code: pixels in [-1, 1], a mean of its own over the digits of
each half, and correlations whose absolute values are taken last. Other than there, the certificates
learn after the autoencoder, which then stands still.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import ConstantLR

from grvae.base.determinism import repeatable
from grvae.base.image_spec import MNIST
from grvae.base.seeding import random_stream, weights_drawn_from
from grvae.model.images import ImageSet
from grvae.model.phase_optimizer import PhaseOptimizer, one_cycle
from grvae.model.routing import route_gradient
from grvae.model.run import shuffled_batches
from grvae.params import Count, Fraction, NonNegative, Rate, Section, Size

FIRST_HALF = 5  # digits below it teach the first half of the encoding


class HalvesRecipe(Section):
    """How the autoencoder and its certificates are built and trained.

    Attributes:
        hidden_sizes: units of the encoder's hidden layers; the decoders mirror them.
        latents: size of the encoding, even.
        routing: `halves`, each digit teaches its half; `none`, each teaches all.
        decoders: `shared`, one for all digits; `separate`, one for the digits of each half.
        routed_images: share of the first half's images, drawn anew in every batch, that teach
            their own half alone; the others are drawn from the second half as well.
        l1_weight: of the encoding's L1 norm.
        correlation_weight: of the mean absolute correlation between the halves.
        learning_rate: of Adam; a certificate's is the highest of a one-cycle schedule.
        weight_decay: Adam's, an L2 penalty.
        batch_size: images a step.
        epochs: of the autoencoder.
        certificate_epochs: of a certificate.
    """

    hidden_sizes: Annotated[list[Size], Field(min_length=1)]
    latents: Annotated[int, Field(ge=2, le=4096, multiple_of=2)]
    routing: Literal["halves", "none"]
    decoders: Literal["shared", "separate"]
    routed_images: Fraction
    l1_weight: NonNegative
    correlation_weight: NonNegative
    learning_rate: Rate
    weight_decay: Fraction
    batch_size: Count
    epochs: Count
    certificate_epochs: Annotated[int, Field(ge=2, le=10_000)]


class Halves(nn.Module):
    """Perceptrons with ReLU; the encoder ends without a bias, as published."""

    def __init__(self, recipe: HalvesRecipe) -> None:
        super().__init__()
        sizes = [MNIST.pixels, *recipe.hidden_sizes, recipe.latents]
        self.encoder = perceptron(sizes, last_bias=False)
        self.first = perceptron(sizes[::-1], last_bias=True)
        self.second = (
            perceptron(sizes[::-1], last_bias=True) if recipe.decoders == "separate" else self.first
        )


def perceptron(sizes: list[int], last_bias: bool) -> nn.Sequential:
    """Linear layers from each size to the next, with a ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    layers[-2:] = [nn.Linear(sizes[-2], sizes[-1], bias=last_bias)]
    return nn.Sequential(*layers)


@repeatable(has_convolutions=False)
def measure_halves(
    train: ImageSet, test: ImageSet, recipe: HalvesRecipe, seed: int
) -> dict[str, float]:
    """Train an autoencoder and its certificates; what the second half knows of new images.

    Args:
        train: images to learn from.
        test: images to measure on.
        recipe: architecture, routing, penalties and schedule.
        seed: of initial weights, batches and the images that are not routed.

    Returns:
        Shares of the error that drawing blind makes, and that a certificate does away with: 0 for
        what knows nothing but which half a digit belongs to, 1 for a perfect drawing.

        own_explained: absolute error, on the second half's own digits.
        foreign_explained: absolute error, on the first half's digits.
        foreign_explained_early: likewise, by a certificate that learned half as long.
        foreign_explained_squared: squared error, by a certificate that learned by it.
        drawn_own, drawn_foreign: absolute error, of the autoencoder itself, which sees both halves.

    Raises:
        GrvaeError: a loss is not finite.
    """
    streams = random_stream(seed, "init"), random_stream(seed, "shuffle")
    model = train_halves(train, recipe, streams, random_stream(seed, "routes"))
    half, epochs = recipe.latents // 2, recipe.certificate_epochs
    known, asked = (apply(model.encoder, centred(images.pixels)) for images in (train, test))

    def drawn(length: int, error: Callable[[Tensor], Tensor]) -> Tensor:
        certificate = train_certificate(known[:, half:], train, recipe, length, error, streams)
        return apply(certificate, asked[:, half:])

    absolute, squared = drawn(epochs, torch.abs), drawn(epochs, torch.square)
    early = drawn(epochs // 2, torch.abs)
    foreign, own = test.labels < FIRST_HALF, test.labels >= FIRST_HALF
    return {
        "own_explained": explained(absolute, test, own, train, torch.abs),
        "foreign_explained": explained(absolute, test, foreign, train, torch.abs),
        "foreign_explained_early": explained(early, test, foreign, train, torch.abs),
        "foreign_explained_squared": explained(squared, test, foreign, train, torch.square),
        "drawn_own": explained(apply(model.second, asked), test, own, train, torch.abs),
        "drawn_foreign": explained(apply(model.first, asked), test, foreign, train, torch.abs),
    }


def train_halves(
    train: ImageSet,
    recipe: HalvesRecipe,
    streams: tuple[torch.Generator, torch.Generator],
    routes: torch.Generator,
) -> Halves:
    """An autoencoder of two halves.

    Args:
        train: images to learn from.
        recipe: see `HalvesRecipe`.
        streams: of initial weights, and of the batch order.
        routes: draws the images that are not routed.
    """
    init, shuffle = streams
    with weights_drawn_from(init):
        model = Halves(recipe)
    images = centred(train.pixels)
    optimizer = torch.optim.Adam(
        model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    constant = ConstantLR(optimizer, factor=1.0)
    phase_optimizer = PhaseOptimizer(
        optimizer, constant, steps_per_epoch=-(-len(train) // recipe.batch_size)
    )
    for _ in range(recipe.epochs):
        for batch in shuffled_batches(len(train), recipe.batch_size, shuffle):
            is_routed = torch.rand(len(batch), generator=routes) < recipe.routed_images
            is_first = train.labels[batch] < FIRST_HALF
            phase_optimizer.step(halves_loss(model, images[batch], is_first, is_routed, recipe))
    return model


def halves_loss(
    model: Halves, images: Tensor, is_first: Tensor, is_routed: Tensor, recipe: HalvesRecipe
) -> Tensor:
    """What the autoencoder descends on; the gradient of its penalties is not routed.

    Args:
        model: encoder and decoders.
        images: (batch, 784) float in [-1, 1].
        is_first: (batch,) bool, whether an image's digit is of the first half.
        is_routed: (batch,) bool, see `HalvesRecipe.routed_images`.
        recipe: routing and weights of the penalties.
    """
    latents = model.encoder(images)
    first_half = torch.arange(recipe.latents) < recipe.latents // 2
    loss = torch.zeros(())
    for decoder, reached, chosen in (
        (model.first, first_half, is_first),
        (model.second, ~first_half, ~is_first | ~is_routed),
    ):
        passed = latents if recipe.routing == "none" else route_gradient(latents, reached.float())
        error: Tensor = (decoder(passed) - images).abs().mean(dim=1)
        loss = loss + mean_where(error, chosen)
    first, second = latents.chunk(2, dim=1)
    l1 = latents.abs().sum(dim=1).mean()
    return torch.as_tensor(
        loss + recipe.l1_weight * l1 + recipe.correlation_weight * correlation(first, second)
    )


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values (batch,); 0 if none is chosen, as in a short last batch."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute correlation, over the batch, between latents (batch, latent) of two halves.

    A latent that does not vary counts as uncorrelated.
    """
    first = F.normalize(first - first.mean(dim=0), dim=0)
    second = F.normalize(second - second.mean(dim=0), dim=0)
    mean: Tensor = (first.T @ second).abs().mean()
    return mean


def train_certificate(
    latents: Tensor,
    train: ImageSet,
    recipe: HalvesRecipe,
    epochs: int,
    error: Callable[[Tensor], Tensor],
    streams: tuple[torch.Generator, torch.Generator],
) -> nn.Sequential:
    """A decoder that learns to draw images from half of their encoding (image, latent).

    Args:
        latents: of the train images.
        train: what to draw.
        recipe: hidden layers, batch size, learning rate and weight decay.
        epochs: how often each image is seen.
        error: of each pixel's difference, to be small on average.
        streams: of initial weights, and of the batch order.
    """
    init, shuffle = streams
    with weights_drawn_from(init):
        sizes = [latents.shape[1], *recipe.hidden_sizes[::-1], MNIST.pixels]
        certificate = perceptron(sizes, last_bias=True)
    images, steps = centred(train.pixels), -(-len(train) // recipe.batch_size)
    optimizer = torch.optim.Adam(
        certificate.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    phase_optimizer = PhaseOptimizer(
        optimizer, one_cycle(optimizer, recipe.learning_rate, epochs * steps), steps
    )
    for _ in range(epochs):
        for batch in shuffled_batches(len(train), recipe.batch_size, shuffle):
            phase_optimizer.step(error(certificate(latents[batch]) - images[batch]).mean())
    return certificate


@torch.no_grad()
def apply(module: nn.Module, inputs: Tensor) -> Tensor:
    """What an encoder or a decoder makes of its inputs (image, feature)."""
    outputs: Tensor = module(inputs)
    return outputs


def centred(pixels: Tensor) -> Tensor:
    """Pixels of [0, 1] in [-1, 1], as the models see and draw them."""
    return 2 * pixels - 1


def explained(
    drawn: Tensor,
    test: ImageSet,
    digits: Tensor,
    train: ImageSet,
    error: Callable[[Tensor], Tensor],
) -> float:
    """The share of the error of drawing blind that a drawing does away with; below 1.

    Blind is who knows of each image only to which half its digit belongs. The median of the half's
    train images is the best that can be drawn then by absolute error, and the mean by squared.

    Args:
        drawn: (image, 784) in [-1, 1], of all test images.
        test: the images themselves.
        digits: (image,) bool, the test images to measure, all of one half.
        train: where the blind image comes from.
        error: `torch.abs` or `torch.square`.
    """
    is_first = bool(test.labels[digits][0] < FIRST_HALF)
    known = train.pixels[(train.labels < FIRST_HALF) == is_first]
    median = known.sort(dim=0).values[
        (len(known) - 1) // 2
    ]  # torch's own is not repeatable on a GPU
    blind = median if error is torch.abs else known.mean(dim=0)
    images = centred(test.pixels[digits])
    left, least = (
        error(image - images).double().mean() for image in (drawn[digits], centred(blind))
    )
    return 1 - float(left / least)
