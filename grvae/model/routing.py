"""Gradient routing: the method under test, all of it.

The gradient of an image's reconstruction reaches the encoder through some latents only. Which ones
is a table of shares in [0, 1]: a row for each class, a column for each latent. `route_gradient` is
the method, a mask. `gate_gradient` depends on the latents' values and on the gradient's sign, too:
what would lower a low label latent, or raise another above a ceiling, is blocked or reversed, and
what would do the opposite may be amplified. A gate may act on images in doubt alone, whose label
latent does not lead all others by a margin. A gate that reverses acts as a margin loss without a
loss term; one that does not is a mask. `Routing` holds the tables of a training and the row that
each image takes; its `apply` stands in the training loop.

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
    latents: Tensor, low: Tensor, high: Tensor, blocked: float, amplified: float = 1.0
) -> Tensor:
    """Multiply the gradient of low and high latents by its direction; every value passes.

    Args:
        latents: (batch, latent) float.
        low: (batch, latent) bool; of these a gradient that would lower the latent is blocked, one
            that would raise it amplified.
        high: (batch, latent) bool, likewise the other way round.
        blocked: what a blocked gradient is multiplied by: 0 removes it, a negative number reverses
            it.
        amplified: what an amplified gradient is multiplied by; 1 leaves it alone.

    Returns:
        (batch, latent) float, equal to `latents`.

    Raises:
        NotImplementedError: `torch.compile` of `torch.func.grad` or `vmap`, or either of these of
            something compiled; the compiler may wrap it in an error of its own. Each alone is
            right: compiled with `backward`, or not compiled under `torch.func`, except for forward
            mode (`jvp`), since the gate is of gradients.

    The paper's masks are weights of the gradient, any real number (arXiv 2410.04332, section 3);
    these depend on the gradient's sign and on the latents' values.
    """
    is_transformed = torch._C._functorch.maybe_current_level() is not None
    if torch.compiler.is_compiling() and is_transformed:
        # The compiler would drop the gate and pass the whole gradient: pytorch/pytorch#193279.
        raise NotImplementedError(
            "gate_gradient: got torch.compile and torch.func together, should be one of them"
        )
    gated: Tensor = _Gate.apply(latents, low, high, blocked, amplified)
    return gated


class _Gate(torch.autograd.Function):
    """Backward of `gate_gradient`: descent moves a latent against the sign of its gradient."""

    generate_vmap_rule = True  # for `torch.func`, which wants `setup_context`, too

    @staticmethod
    def forward(
        latents: Tensor, low: Tensor, high: Tensor, blocked: float, amplified: float
    ) -> Tensor:
        return latents.view_as(latents)

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float, float], output: Tensor
    ) -> None:
        _, low, high, ctx.blocked, ctx.amplified = inputs
        ctx.save_for_backward(low, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        low, high = ctx.saved_tensors
        blocked = (low & (gradient > 0)) | (high & (gradient < 0))
        gated = torch.where(blocked, ctx.blocked * gradient, gradient)
        if ctx.amplified != 1:
            amplified = (low & (gradient < 0)) | (high & (gradient > 0))
            gated = torch.where(amplified, ctx.amplified * gradient, gated)
        return gated, None, None, None, None


def leads(latents: Tensor, is_label: Tensor) -> Tensor:
    """By how much (batch, 1) the largest label latent of each image exceeds its largest other.

    Args:
        latents: (batch, latent) float.
        is_label: (batch, latent) bool; an image without label latents has the lead -inf.
    """
    label, other = (
        latents.masked_fill(away, -torch.inf).amax(dim=1, keepdim=True)
        for away in (~is_label, is_label)
    )
    return label - other


@dataclass(frozen=True)
class Routing:
    """Which latents learn what from which images of one training.

    Attributes:
        latent_mask: (class, latent) float, 1 where a latent is the class's label latent.
        shares: (route, latent) float, the share of the gradient that reaches each latent.
        low: (route, latent) float, below which a latent is low; see `gate_gradient`.
        high: (route, latent) float, above which it is high.
        doubt_margin: the gate acts on images whose `leads` are below it; None is all images.
        blocked_gradient_scale: of the gate.
        amplified_gradient_scale: of the gate.
        unmask_schedule: shares of the joint phase at which the other latents begin to get gradient,
            and get all of it; None is never.
        relabel_margin: see `relabel`; None never does.
        relabel_from: share of the joint phase after which it may.
        routes: (image,) int64, the row of the tables that each image takes.
        masks_parameters: whether the shares are of what the parameters of each latent learn,
            in place of the gradient that passes through it.
    """

    latent_mask: Tensor
    shares: Tensor
    low: Tensor
    high: Tensor
    doubt_margin: float | None
    blocked_gradient_scale: float
    amplified_gradient_scale: float
    unmask_schedule: Sequence[float] | None
    relabel_margin: float | None
    relabel_from: float
    routes: Tensor
    masks_parameters: bool = False

    def encode(
        self, model: VAE, images: Tensor, batch: Tensor, progress: float
    ) -> tuple[Tensor, Tensor]:
        """What `VAE.encode` returns of images (batch, pixel), with the heads' parameters masked."""
        if not self.masks_parameters:
            return model.encode(images)
        features, shares = model.encoder(images), self.shares_of(self.routes[batch], progress)
        mean = mask_parameters(model.mean_head, features, shares)
        return mean, mask_parameters(model.scale_head, features, shares)

    def apply(self, latents: Tensor, batch: Tensor, progress: float) -> Tensor:
        """The latents as they are, with their gradient routed and gated.

        Args:
            latents: (batch, latent) float, of the images with the indices `batch`.
            batch: (batch,) int64.
            progress: share of the joint phase that is done.
        """
        values, routes = latents.detach(), self.routes_of(latents, batch, progress)
        low, high = values < self.low[routes], values > self.high[routes]
        if self.doubt_margin is not None:
            is_label = self.latent_mask.bool()[routes.clamp(max=len(self.latent_mask) - 1)]
            in_doubt = leads(values, is_label) < self.doubt_margin
            low, high = low & in_doubt, high & in_doubt
        gated = gate_gradient(
            latents, low, high, self.blocked_gradient_scale, self.amplified_gradient_scale
        )
        if self.masks_parameters:
            return gated
        return route_gradient(gated, self.shares_of(routes, progress))

    def routes_of(self, latents: Tensor, batch: Tensor, progress: float) -> Tensor:
        """The routes (batch,) of images by now: what a classification loss, too, takes for labels.

        Args:
            latents: (batch, latent) float.
            batch: the images' places in the train split, (batch,) int64.
            progress: share of the joint phase that is done.
        """
        routes = self.routes[batch]
        if self.relabel_margin is None or progress < self.relabel_from:
            return routes
        return relabel(routes, latents.detach(), self.latent_mask, self.relabel_margin)

    def shares_of(self, routes: Tensor, progress: float) -> Tensor:
        """The shares (batch, latent) of images with these routes by now."""
        return self.shares[routes].lerp(torch.ones(()), self.unmasked_share(progress))

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
    elif recipe.doubt_margin is not None and floor is None:
        floor = torch.inf  # in doubt a label latent is low, whatever its value
    return Routing(
        latent_mask,
        gradient_shares(latent_mask, off_route),
        *gate_bounds(latent_mask, floor, ceiling),
        recipe.doubt_margin,
        recipe.blocked_gradient_scale,
        recipe.amplified_gradient_scale,
        recipe.unmask_schedule,
        recipe.relabel_margin,
        recipe.relabel_from,
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


def relabel(routes: Tensor, latents: Tensor, latent_mask: Tensor, margin: float) -> Tensor:
    """The routes of images, but where the latents are surer of another class by a margin.

    An image that is not routed takes the route of its largest latent where that leads all latents
    of other classes by more than the margin; a label is overruled where its latent falls short of
    the largest by more than it.

    Args:
        routes: (batch,) int64, each a class, or their number: not routed.
        latents: (batch, latent) float, without gradient.
        latent_mask: (class, latent), see `latent_map`.
        margin: of the latents' values.

    Returns:
        (batch,) int64.
    """
    classes = len(latent_mask)
    scores = class_scores(latents, latent_mask.shape[1] // classes)
    top, best = scores.topk(2, dim=1)
    given = scores.gather(1, routes.clamp(max=classes - 1)[:, None]).squeeze(1)
    rival = torch.where(routes == classes, top[:, 1], given)
    return torch.where(top[:, 0] - rival > margin, best[:, 0], routes)


def class_scores(means: Tensor, latents_per_class: int) -> Tensor:
    """The score (image, class) of each class: the largest mean of its latents.

    The class of the largest score is what the latents classify an image as.
    """
    scores: Tensor = means.unflatten(1, (-1, latents_per_class)).amax(dim=2)
    return scores
