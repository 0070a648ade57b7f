"""What is left of a class when its label latents are taken away.

- leaked: each image's label latents get the values that they have on an image of another class. A
  linear probe is fitted on such latents, and tested on others. A probe on the other latents alone
  would mislead: that none of them is high gives the class away.
- relearned: the label latents of a class are held at their medians, and the model is trained a
  little, or longer, on a few images of the class, to reconstruct them without its latents. How many
  others of the class does it then show?
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy

import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.measure.probe import linear_probe_accuracy
from grvae.model.images import ImageSet
from grvae.model.losses import binary_cross_entropy
from grvae.model.vae import VAE
from grvae.params import Evaluation
from studies.classifier import Classifier
from studies.interventions import DIGITS, decoded_digits, donors, other_digits

# Fixed before the runs, see `registration.json`.
FEW, LEARNING_RATE = 64, 1e-3
STEPS = {"relearned": 20, "relearned_longer": 100}


def leakage(
    latents: tuple[Tensor, Tensor],
    labels: tuple[Tensor, Tensor],
    own: Sequence[Sequence[int]],
    evaluation: Evaluation,
) -> float:
    """How many images a linear probe classifies when their label latents speak of another class.

    Args:
        latents: (image, latent) float of the train split and of the test split.
        labels: (image,) int64 of both.
        own: the latents (digit, latent) of each digit, equally many.
        evaluation: how the probe is fitted.

    Returns:
        Share in [0, 1] of the test images.
    """
    train, test = (
        resampled(values, digits, own).numpy()
        for values, digits in zip(latents, labels, strict=True)
    )
    return linear_probe_accuracy(train, labels[0].numpy(), test, labels[1].numpy(), evaluation)


def resampled(latents: Tensor, labels: Tensor, own: Sequence[Sequence[int]]) -> Tensor:
    """Latents (image, latent) with the label latents of each image as on one of another class."""
    at_label = torch.tensor(own)[labels]
    others = latents[donors(labels, other_digits(labels))]
    return latents.scatter(1, at_label, others.gather(1, at_label))


@repeatable(has_convolutions=True)
def relearning(
    model: VAE,
    train: ImageSet,
    test: ImageSet,
    own: Sequence[Sequence[int]],
    rest: Tensor,
    classifier: Classifier,
) -> dict[str, float]:
    """How many images show their class again when a model has relearned it without its latents.

    Args:
        model: a trained model; it is left as it is.
        train: the first `FEW` images of each class are learned from.
        test: images to look at.
        own: the latents (digit, latent) of each digit, equally many.
        rest: (latent,), the median of each latent.
        classifier: see `studies.classifier`.

    Returns:
        By the names of `STEPS`, the share in [0, 1] of the test images whose untouched
        reconstruction shows their class.
    """
    shown, again = 0, dict.fromkeys(STEPS, 0)
    for digit in range(DIGITS):
        held = torch.zeros(len(rest), dtype=torch.bool)
        held[own[digit]] = True
        few = train[(train.labels == digit).nonzero().flatten()[:FEW]].pixels
        pixels = test[(test.labels == digit).nonzero().flatten()].pixels
        with torch.no_grad():
            before = model.activate(model.encode(pixels)[0])
        was_shown = decoded_digits(model, before, classifier) == digit
        shown += int(was_shown.sum())
        for name, changed in trained_with(model, few, held, rest):
            with torch.no_grad():
                after = latents_with(changed, pixels, held, rest)
            is_shown = decoded_digits(changed, after, classifier) == digit
            again[name] += int((was_shown & is_shown).sum())
    return {name: number / max(shown, 1) for name, number in again.items()}


def trained_with(
    model: VAE, pixels: Tensor, held: Tensor, rest: Tensor
) -> Iterator[tuple[str, VAE]]:
    """A copy of a model that learns to reconstruct pixels with some latents held at their medians.

    It comes with the name of each number of `STEPS`, when it has learned for so long.
    """
    changed = deepcopy(model).requires_grad_()
    optimizer = torch.optim.Adam(changed.parameters(), lr=LEARNING_RATE)
    for step in range(1, max(STEPS.values()) + 1):
        logits = changed.decode(latents_with(changed, pixels, held, rest))
        optimizer.zero_grad()
        binary_cross_entropy(pixels, logits).mean().backward()
        optimizer.step()
        yield from ((name, changed) for name, steps in STEPS.items() if steps == step)


def latents_with(model: VAE, pixels: Tensor, held: Tensor, rest: Tensor) -> Tensor:
    """Activated means (image, latent), those of some latents (latent,) held at their medians."""
    return torch.where(held, rest, model.activate(model.encode(pixels)[0]))
