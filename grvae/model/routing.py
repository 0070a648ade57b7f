"""Gradient routing: the method under test, all of it.

The gradient of an image's reconstruction reaches the encoder through some latents only. Which ones
is a table of shares in [0, 1]: a row for each class, a column for each latent. `route_gradient` is
the method, a mask. `gate_gradient` depends on the latents' values and on the gradient's sign, too:
what would lower the label latent below a floor, or raise another above a ceiling, is blocked or
reversed. A gate that reverses acts as a margin loss without a loss term. `Routing` holds the tables
of a training and the row that each image takes; its `apply` stands in the training loop.

A rival masks parameters in place of latents, `mask_parameters`: an image teaches only the weights
of its label latent.

Source: Cloud et al. 2024, "Gradient Routing: Masking Gradients to Localize Computation in Neural
Networks" (arXiv 2410.04332), section 3; the mask on the latents of an autoencoder follows
g-w1/gradient-routed-vae, `vae.py`, `encode_and_mask`, commit 07c641d.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grvae.model.vae import VAE
from grvae.params import Recipe


def route_gradient(latents: Tensor, shares: Tensor) -> Tensor:
    """Let a share of the gradient pass through each latent; every value passes.

    Args:
        latents: (batch, latent) float.
        shares: (batch, latent) in [0, 1], of any type; 0 detaches a latent, 1 leaves it alone.

    Returns:
        (batch, latent) float, equal to `latents`. Backward, the gradient is multiplied by `shares`.
    """
    return torch.lerp(latents.detach(), latents, shares.to(latents.dtype))


def mask_parameters(layer: nn.Linear, features: Tensor, shares: Tensor) -> Tensor:
    """A layer's output; its units learn from a share of each image, the layers before from all.

    Args:
        layer: with a bias.
        features: (batch, feature) float.
        shares: (batch, unit) in [0, 1], of any type: of what an image teaches each unit's own
            parameters.

    Returns:
        (batch, unit) float, equal to `layer(features)`.

    Source: Shilov et al. 2025, "Beyond Data Filtering" (arXiv 2512.05648), Selective Gradient
    Masking. There the model's other parameters learn from unlabelled data. Here every image has a
    label, so they learn from all.
    """
    fixed = F.linear(features, layer.weight.detach(), layer.bias.detach())
    return torch.lerp(fixed, layer(features), shares.to(fixed.dtype))


def gate_gradient(
    latents: Tensor, low: Tensor, high: Tensor, blocked_gradient_scale: float
) -> Tensor:
    """Block or reverse what would lower a low latent or raise a high one; every value passes.

    Args:
        latents: (batch, latent) float.
        low: (batch, latent) float; below it, a gradient that would lower the latent is blocked.
        high: (batch, latent) float; above it, one that would raise it.
        blocked_gradient_scale: what a blocked gradient is multiplied by: 0 removes it, a negative
            number reverses it.

    Returns:
        (batch, latent) float, equal to `latents`.

    Raises:
        NotImplementedError: `torch.compile` of `torch.func.grad` or `vmap`, or either of these of
            something compiled; the compiler may wrap it in an error of its own. Each alone is
            right: compiled with `backward`, or not compiled under `torch.func`, except for forward
            mode (`jvp`), since the gate is of gradients.

    The paper's masks are weights of the gradient, any real number (arXiv 2410.04332, section 3);
    these depend on the gradient's sign and on the latent's value.
    """
    is_transformed = torch._C._functorch.maybe_current_level() is not None
    if torch.compiler.is_compiling() and is_transformed:
        # The compiler would drop the gate and pass the whole gradient: pytorch/pytorch#193279.
        raise NotImplementedError(
            "gate_gradient: got torch.compile and torch.func together, should be one of them"
        )
    gated: Tensor = _Gate.apply(latents, low, high, blocked_gradient_scale)
    return gated


class _Gate(torch.autograd.Function):
    """Backward of `gate_gradient`: descent moves a latent against the sign of its gradient."""

    generate_vmap_rule = True  # for `torch.func`, which wants `setup_context`, too

    @staticmethod
    def forward(latents: Tensor, low: Tensor, high: Tensor, share: float) -> Tensor:
        return latents.view_as(latents)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: Tensor
    ) -> None:
        latents, low, high, ctx.share = inputs
        ctx.save_for_backward(latents < low, latents > high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        is_low, is_high = ctx.saved_tensors
        blocked = (is_low & (gradient > 0)) | (is_high & (gradient < 0))
        return torch.where(blocked, ctx.share * gradient, gradient), None, None, None


@dataclass(frozen=True)
class Routing:
    """Which latents learn what from which images of one training.

    Attributes:
        latent_mask: (class, latent) float, 1 where a latent is the class's label latent.
        shares: (route, latent) float, the share of the gradient that reaches each latent.
        low: (route, latent) float, below which no gradient lowers a latent.
        high: (route, latent) float, above which none raises it.
        blocked_gradient_scale: see `gate_gradient`.
        unmask_schedule: shares of the joint phase at which the other latents begin to get gradient,
            and get all of it; None is never.
        routes: (image,) int64, the row of the tables that each image takes.
        masks_parameters: whether the shares are of what the parameters of each latent learn,
            in place of the gradient that passes through it.
    """

    latent_mask: Tensor
    shares: Tensor
    low: Tensor
    high: Tensor
    blocked_gradient_scale: float
    unmask_schedule: Sequence[float] | None
    routes: Tensor
    masks_parameters: bool = False

    def encode(
        self, model: VAE, images: Tensor, batch: Tensor, progress: float
    ) -> tuple[Tensor, Tensor]:
        """What `VAE.encode` returns of images (batch, pixel), with the heads' parameters masked."""
        if not self.masks_parameters:
            return model.encode(images)
        features, shares = model.encoder(images), self.shares_of(batch, progress)
        mean = mask_parameters(model.mean_head, features, shares)
        return mean, mask_parameters(model.scale_head, features, shares)

    def apply(self, latents: Tensor, batch: Tensor, progress: float) -> Tensor:
        """The latents as they are, with their gradient routed and gated.

        Args:
            latents: (batch, latent) float, of the images with the indices `batch`.
            batch: (batch,) int64.
            progress: share of the joint phase that is done.
        """
        routes = self.routes[batch]
        gated = gate_gradient(
            latents, self.low[routes], self.high[routes], self.blocked_gradient_scale
        )
        if self.masks_parameters:
            return gated
        return route_gradient(gated, self.shares_of(batch, progress))

    def shares_of(self, batch: Tensor, progress: float) -> Tensor:
        """The shares (batch, latent) of images by now."""
        return self.shares[self.routes[batch]].lerp(torch.ones(()), self.unmasked_share(progress))

    def unmasked_share(self, progress: float) -> float:
        """How much of the masked gradient passes by now, in [0, 1]."""
        if self.unmask_schedule is None:
            return 0.0
        start, whole = self.unmask_schedule
        return min(1.0, max(0.0, (progress - start) / (whole - start)))


def build_routing(recipe: Recipe, labels: Tensor, classes: int, stream: torch.Generator) -> Routing:
    """The routing of a recipe's training.

    Args:
        recipe: which table.
        labels: (image,) int64.
        classes: how many there are.
        stream: draws which images are routed, and wrongly; see `choose_routes`.
    """
    latent_mask = latent_map(classes, recipe.latents_per_class)
    off_route, floor, ceiling = recipe.off_route_gradient, recipe.floor, recipe.ceiling
    if recipe.routing == "none":
        off_route, floor, ceiling = 1.0, None, None
    return Routing(
        latent_mask,
        gradient_shares(latent_mask, off_route),
        *gate_bounds(latent_mask, floor, ceiling),
        recipe.blocked_gradient_scale,
        recipe.unmask_schedule,
        choose_routes(labels, classes, recipe.routed_images, recipe.wrong_labels, stream),
        masks_parameters=recipe.routing == "parameters",
    )


def latent_map(classes: int, latents_per_class: int) -> Tensor:
    """Which latents belong to which classes.

    Args:
        classes: how many there are.
        latents_per_class: size of each class's block of latents, in the order of the classes.

    Returns:
        (class, latent) float, 1 where the latent is the class's and 0 elsewhere.
    """
    return torch.eye(classes).repeat_interleave(latents_per_class, dim=1)


def gradient_shares(latent_mask: Tensor, off_route: float) -> Tensor:
    """The share of the gradient that each latent gets from the images of each route.

    Args:
        latent_mask: (class, latent), see `latent_map`.
        off_route: share that reaches the latents of other classes; 0 is routing, 1 is none.

    Returns:
        (route, latent) float: a row for each class, then one of ones, of images not routed.
    """
    return torch.cat([latent_mask.clamp(min=off_route), torch.ones(1, latent_mask.shape[1])])


def gate_bounds(
    latent_mask: Tensor, floor: float | None, ceiling: float | None
) -> tuple[Tensor, Tensor]:
    """The bounds of `gate_gradient` for the images of each route.

    Args:
        latent_mask: (class, latent), see `latent_map`.
        floor: of the label latents; None is no floor.
        ceiling: of all others; None is no ceiling.

    Returns:
        low, high: (route, latent) float, infinite where there is no bound; the last row, of images
        that are not routed, is without any.
    """
    low, high = (
        torch.full((len(latent_mask) + 1, latent_mask.shape[1]), end)
        for end in (-torch.inf, torch.inf)
    )
    if floor is not None:
        low[:-1] = torch.where(latent_mask == 1, floor, -torch.inf)
    if ceiling is not None:
        high[:-1] = torch.where(latent_mask == 1, torch.inf, ceiling)
    return low, high


def choose_routes(
    labels: Tensor,
    classes: int,
    routed_images: float,
    wrong_labels: float,
    stream: torch.Generator,
) -> Tensor:
    """The route (image,) of each image, for a whole training: its label, a wrong one, or none.

    Args:
        labels: (image,) int64.
        classes: how many there are; as a route, that of an image that is not routed.
        routed_images: share of the images that are routed.
        wrong_labels: share of the routed images that take the route of another class, any of the
            others alike.
        stream: draws both choices.
    """
    draw = torch.rand(2, len(labels), generator=stream)
    other = torch.randint(1, classes, labels.shape, generator=stream)
    routes = torch.where(draw[0] < wrong_labels, (labels + other) % classes, labels)
    return torch.where(draw[1] < routed_images, routes, classes)


def class_scores(means: Tensor, latents_per_class: int) -> Tensor:
    """The score (image, class) of each class: the largest mean of its latents.

    The class of the largest score is what the latents classify an image as.
    """
    scores: Tensor = means.unflatten(1, (-1, latents_per_class)).amax(dim=2)
    return scores


def names_latents(recipe: Recipe) -> bool:
    """Whether something in a recipe tells the latents which class is theirs."""
    return (
        recipe.routing != "none"
        or recipe.cross_entropy_weight > 0
        or recipe.class_prior_mean is not None
    )
