"""Does a latent keep its meaning when one meddles with it? A reader names what is drawn then.

An image of digit a is encoded. Before it is decoded, the latents of another digit b take part:

- swap: the latents of a and of b change their values with each other;
- copy: those of a come to rest, those of b take the values that they have on an image of b;
- ablate: those of a come to rest, and nothing else happens.

If each digit's latents stand for it wherever their values come from, the reader sees b after a swap
and a copy, and no longer a after an ablation. Only images whose untouched reconstruction shows a
count: what is lost before is not the intervention's fault.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grvae.base.image_spec import MNIST
from grvae.model.vae import VAE
from studies.claims.reader import Reader, posterior

DIGITS = len(MNIST.classes)


@dataclass(frozen=True)
class Interventions:
    """Shares in [0, 1] of the images for which the reader follows the intervention.

    Attributes:
        swapped: it sees b after a swap.
        copied: it sees b after a copy.
        ablated: it no longer sees a after an ablation.
    """

    swapped: float
    copied: float
    ablated: float


@torch.no_grad()
def intervene(
    model: VAE,
    latents: Tensor,
    labels: Tensor,
    own: Sequence[Sequence[int]],
    rest: Tensor,
    reader: Reader,
) -> Interventions:
    """Swap, copy and ablate the latents of images, and read what is drawn.

    Args:
        model: a trained model.
        latents: (image, latent) float, activated means; every digit among them.
        labels: (image,) int64.
        own: the latents (digit, latent) of each digit, equally many.
        rest: (latent,), where a latent rests.
        reader: see `studies.claims.reader.train_reader`.
    """

    def read(changed: Tensor) -> Tensor:
        return posterior(reader, model.decode(changed).sigmoid()).argmax(dim=1)

    images = torch.arange(len(labels))
    others = (labels + 1 + images % (DIGITS - 1)) % DIGITS
    places = torch.tensor(own)
    at_label, at_other = places[labels], places[others]

    swapped = latents.scatter(1, at_label, latents.gather(1, at_other))
    swapped = swapped.scatter(1, at_other, latents.gather(1, at_label))
    ablated = latents.scatter(1, at_label, rest[at_label])
    copied = ablated.scatter(1, at_other, latents[donors(labels, others)].gather(1, at_other))

    shown = read(latents) == labels
    return Interventions(
        swapped=(read(swapped) == others)[shown].float().mean().item(),
        copied=(read(copied) == others)[shown].float().mean().item(),
        ablated=(read(ablated) != labels)[shown].float().mean().item(),
    )


def donors(labels: Tensor, wanted: Tensor) -> Tensor:
    """For each image an image (image,) of the wanted digit, one after the other."""
    chosen = torch.empty_like(wanted)
    for digit in range(DIGITS):
        asks, gives = ((values == digit).nonzero().flatten() for values in (wanted, labels))
        chosen[asks] = gives[torch.arange(len(asks)) % len(gives)]
    return chosen
