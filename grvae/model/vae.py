"""The variational autoencoder: encoder, sampling and decoder. It knows neither labels nor losses.

Two ways to read the encoder's second head, `Posterior`:

- `gaussian`: the head is the natural log of the variance (Kingma & Welling 2013, appendix C.2).
- `as_published`: the head multiplies the noise, as a standard deviation would
  (g-w1/gradient-routed-vae, `vae.py`, `encode`, commit 07c641d).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, TypeAdapter
from torch import Tensor, nn

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST, ImageSpec
from grvae.base.seeding import random_stream, weights_drawn_from
from grvae.base.storage import load_arrays, save_arrays
from grvae.params import HiddenAct, LatentAct, Network, Posterior, Recipe, Size

# Of the two convolutions: without padding a side of 4 n becomes 2 n - 2, and then n - 2.
KERNELS, STRIDE = (6, 4), 2

HIDDEN_ACTIVATIONS: dict[HiddenAct, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}
LATENT_ACTIVATIONS: dict[LatentAct, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "none": lambda latents: latents,
    "softplus": F.softplus,
    "abs": torch.abs,
}


@dataclass(frozen=True)
class Architecture:
    """What is needed to rebuild a model around its weights.

    Attributes:
        network: `mlp`, fully connected layers; `conv_encoder`, two convolutions before the
            encoder's last hidden layer.
        hidden_sizes: units of the encoder's hidden layers, or channels where they are
            convolutions.
        hidden_act: after every hidden layer.
        bottleneck: whether a linear layer as narrow as the latents stands before the two heads,
            as in the published model.
        latents: number of latents.
        latent_act: applied to the sampled latents before the decoder.
        posterior: how the second head is read.
        decoder_sizes: units of the decoder's hidden layers; None is the encoder's mirror.
        images: size, colours and classes of the images that it is for.
    """

    network: Network
    hidden_sizes: Annotated[tuple[Size, ...], Field(min_length=1)]
    hidden_act: HiddenAct
    bottleneck: bool
    latents: Size
    latent_act: LatentAct
    posterior: Posterior
    decoder_sizes: Annotated[tuple[Size, ...], Field(min_length=1)] | None = None
    images: ImageSpec = MNIST


class VAE(nn.Module):
    """A VAE on flat images."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        hidden, latents = architecture.hidden_sizes, architecture.latents
        encoder = encoder_layers(architecture)
        if architecture.bottleneck:
            encoder.append(nn.Linear(hidden[-1], latents))
        features = latents if architecture.bottleneck else hidden[-1]
        self.encoder = nn.Sequential(*encoder)
        self.mean_head = nn.Linear(features, latents)
        self.scale_head = nn.Linear(features, latents)
        self.decoder = nn.Sequential(*decoder_layers(architecture))
        if architecture.network == "conv_encoder":  # a third faster on a CPU
            self.encoder.to(memory_format=torch.channels_last)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior parameters of the latents.

        Args:
            images: (batch, pixel) float in [0, 1].

        Returns:
            mean: (batch, latent).
            scale: (batch, latent), the raw second head; see `Posterior`.
        """
        features = self.encoder(images)
        return self.mean_head(features), self.scale_head(features)

    def noise_std(self, scale: Tensor) -> Tensor:
        """What the noise is multiplied by; negative values are possible `as_published`."""
        return torch.exp(0.5 * scale) if self.architecture.posterior == "gaussian" else scale

    def activate(self, latents: Tensor) -> Tensor:
        """The latent activation, elementwise."""
        return LATENT_ACTIVATIONS[self.architecture.latent_act](latents)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixel logits (batch, pixel) of activated latents (batch, latent)."""
        logits: Tensor = self.decoder(latents)
        return logits


def encoder_layers(architecture: Architecture) -> list[nn.Module]:
    """From flat images (batch, pixel) to the last hidden layer (batch, unit)."""
    hidden, act = architecture.hidden_sizes, HIDDEN_ACTIVATIONS[architecture.hidden_act]
    if architecture.network == "mlp":
        return linear_layers((architecture.images.pixels, *hidden), act)
    first, second, units = hidden
    colours, side = architecture.images.colours, architecture.images.side
    return [
        nn.Unflatten(1, (colours, side, side)),
        nn.Conv2d(colours, first, KERNELS[0], STRIDE),
        act(),
        nn.Conv2d(first, second, KERNELS[1], STRIDE),
        act(),
        nn.Flatten(),
        *linear_layers((second * (side // 4 - 2) ** 2, units), act),
    ]


def decoder_layers(architecture: Architecture) -> list[nn.Module]:
    """From latents (batch, latent) to pixel logits (batch, pixel)."""
    hidden = architecture.decoder_sizes or architecture.hidden_sizes[::-1]
    act = HIDDEN_ACTIVATIONS[architecture.hidden_act]
    layers = linear_layers((architecture.latents, *hidden), act)
    return [*layers, nn.Linear(hidden[-1], architecture.images.pixels)]


def linear_layers(sizes: Sequence[int], act: type[nn.Module]) -> list[nn.Module]:
    """Linear layers from each size to the next, each followed by the activation."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), act()]
    return layers


def build_vae(architecture: Architecture, init: torch.Generator) -> VAE:
    """A VAE with PyTorch's default initial weights, drawn from `init`."""
    with weights_drawn_from(init):
        return VAE(architecture)


def build_model(recipe: Recipe, latent_act: LatentAct, seed: int, images: ImageSpec = MNIST) -> VAE:
    """An untrained model for some images, with the seed's initial weights."""
    architecture = Architecture(
        network=recipe.network,
        hidden_sizes=tuple(recipe.hidden_sizes),
        decoder_sizes=tuple(recipe.decoder_sizes) if recipe.decoder_sizes else None,
        hidden_act=recipe.hidden_act,
        bottleneck=recipe.bottleneck,
        latents=len(images.classes) * recipe.latents_per_class,
        latent_act=latent_act,
        posterior=recipe.posterior,
        images=images,
    )
    model = build_vae(architecture, random_stream(seed, "init"))
    if recipe.initial_log_variance is not None:
        nn.init.constant_(model.scale_head.bias, recipe.initial_log_variance)
    return model


def save_vae(path: Path, model: VAE) -> None:
    """Write weights and architecture to one file."""
    weights = {name: tensor.numpy(force=True) for name, tensor in model.state_dict().items()}
    # What is left out has its default when it is read: a new option changes no file's bytes.
    defaults = {field.name: field.default for field in fields(Architecture)}
    written = TypeAdapter(Architecture).dump_python(model.architecture, mode="json")
    about = {
        name: value
        for name, value in written.items()
        if getattr(model.architecture, name) != defaults[name]
    }
    save_arrays(path, weights, about)


def load_vae(path: Path) -> VAE:
    """Read what `save_vae` wrote.

    Raises:
        GrvaeError: the file is missing or corrupt, or does not hold a VAE.
    """
    arrays, about = load_arrays(path)
    try:
        architecture = TypeAdapter(Architecture).validate_json(json.dumps(about), strict=True)
        with torch.device("meta"):  # no memory for whatever sizes the file claims
            model = VAE(architecture)
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        model.load_state_dict(weights, assign=True)
    except (ValueError, RuntimeError) as error:
        raise GrvaeError(f"{path}: does not hold the weights of a VAE") from error
    return model.eval()
