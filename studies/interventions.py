"""What a model decodes when its latents are moved by hand, as a classifier of real images sees it.

Sliders move the latents of one digit along their range, while all others stay at their medians.
Interventions encode an image of digit a and change its latents with those of another digit b:

- swap: the latents of a and of b exchange their values;
- copy: those of a are set to their medians, those of b to the values of an image of b;
- ablate: those of a are set to their medians.

If each digit's latents stand for it wherever their values come from, the classifier sees b after a
swap and a copy, and no longer a after an ablation. Only images whose untouched reconstruction shows
a count: what is lost before is not the intervention's fault.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from grvae.base.image_spec import MNIST
from grvae.measure.sliders import Sliders
from grvae.model.vae import VAE
from studies.classifier import Classifier, classify

DIGITS = len(MNIST.classes)
POSITIONS = 9


@torch.no_grad()
def decoded_digits(model: VAE, latents: Tensor, classifier: Classifier) -> Tensor:
    """The digit (image,) that the classifier sees in what latents (image, latent) decode to."""
    return classify(classifier, model.decode(latents).sigmoid())


def slider_fidelity(
    model: VAE, sliders: Sliders, own: Sequence[Sequence[int]], classifier: Classifier
) -> dict[str, float]:
    """Classify what a model's sliders decode to.

    Args:
        model: a trained model.
        sliders: one a digit.
        own: the latents (digit, latent) that each slider moves.
        classifier: see `studies.classifier`.

    Returns:
        steps_recognised: share in [0, 1] of the steps along all sliders that show the slider's
            digit.
        steps_from_zero: likewise where all sliders begin at zero.
        pure_recognised: how many sliders show their digit at its median.
    """
    digits = torch.arange(len(sliders.pure))
    zero = sliders.low.clone()
    for digit, moved in enumerate(own):
        zero[digit, moved] = 0.0
    found = {}
    for name, moved_sliders in (
        ("steps_recognised", sliders),
        ("steps_from_zero", replace(sliders, low=zero)),
    ):
        steps = moved_sliders.along(POSITIONS).flatten(end_dim=1)
        along = decoded_digits(model, steps, classifier).view(-1, POSITIONS)
        found[name] = (along == digits[:, None]).double().mean().item()
    pure = decoded_digits(model, sliders.pure, classifier)
    return found | {"pure_recognised": int((pure == digits).sum())}


def intervene(
    model: VAE,
    latents: Tensor,
    labels: Tensor,
    own: Sequence[Sequence[int]],
    rest: Tensor,
    classifier: Classifier,
) -> dict[str, float]:
    """Swap, copy and ablate the latents of images, and classify what they decode to.

    Args:
        model: a trained model.
        latents: (image, latent) float, activated means; every digit among them.
        labels: (image,) int64.
        own: the latents (digit, latent) of each digit, equally many.
        rest: (latent,), the median of each latent.
        classifier: see `studies.classifier`.

    Returns:
        Shares in [0, 1] of the images whose decoded digit is b after a swap (`swapped`) and after a
        copy (`copied`), and no longer a after an ablation (`ablated`).
    """
    others, places = other_digits(labels), torch.tensor(own)
    at_label, at_other = places[labels], places[others]

    swapped = latents.scatter(1, at_label, latents.gather(1, at_other))
    swapped = swapped.scatter(1, at_other, latents.gather(1, at_label))
    ablated = latents.scatter(1, at_label, rest[at_label])
    copied = ablated.scatter(1, at_other, latents[donors(labels, others)].gather(1, at_other))

    plain, after_swap, after_copy, after_ablation = (
        decoded_digits(model, changed, classifier)
        for changed in (latents, swapped, copied, ablated)
    )
    shown = plain == labels
    return {
        "swapped": (after_swap == others)[shown].float().mean().item(),
        "copied": (after_copy == others)[shown].float().mean().item(),
        "ablated": (after_ablation != labels)[shown].float().mean().item(),
    }


def other_digits(labels: Tensor) -> Tensor:
    """For each image another digit than its own (image,), one after the other."""
    return (labels + 1 + torch.arange(len(labels)) % (DIGITS - 1)) % DIGITS


def donors(labels: Tensor, wanted: Tensor) -> Tensor:
    """For each image an image (image,) of the wanted digit, one after the other."""
    chosen = torch.empty_like(wanted)
    for digit in range(DIGITS):
        asks, gives = ((values == digit).nonzero().flatten() for values in (wanted, labels))
        chosen[asks] = gives[torch.arange(len(asks)) % len(gives)]
    return chosen
