"""Do the sliders draw digits? A reader of real images names what they draw.

A digit's slider moves the latents that belong to the digit, together, while all others rest. It is
asked of each slider alone along its range, and of two sliders at once.
"""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from grvae.measure.sliders import Sliders
from grvae.model.vae import VAE
from studies.claims.reader import Reader, posterior

POSITIONS = 9


@dataclass(frozen=True)
class SliderFidelity:
    """What the reader says of a model's sliders; shares in [0, 1], entropies in nats.

    Attributes:
        recognised: share (digit,) of the steps along each digit's slider that show the digit.
        mean_recognised: mean of them.
        lowest_recognised: the smallest of them.
        entropy: of the reader's posterior, mean over all steps of all sliders.
        pure_recognised: how many sliders show their digit at its typical value.
        pairs_recognised: share of the pairs of sliders, both at their typical value, that show one
            of their two digits.
        pairs_entropy: of the reader's posterior, mean over the pairs.
    """

    recognised: list[float]
    mean_recognised: float
    lowest_recognised: float
    entropy: float
    pure_recognised: int
    pairs_recognised: float
    pairs_entropy: float


@torch.no_grad()
def slider_fidelity(model: VAE, sliders: Sliders, reader: Reader) -> SliderFidelity:
    """Read what a model's sliders draw.

    Args:
        model: a trained model.
        sliders: of its digits.
        reader: see `studies.claims.reader.train_reader`.
    """
    along = posterior(reader, _draw(model, sliders.along(POSITIONS).flatten(end_dim=1)))
    digits = torch.arange(len(sliders.pure))
    is_digit = along.argmax(dim=1).view(-1, POSITIONS) == digits[:, None]
    recognised = is_digit.double().mean(dim=1)

    pure = posterior(reader, _draw(model, sliders.pure)).argmax(dim=1)

    pairs = torch.tensor(list(combinations(digits.tolist(), 2)))
    # Two sliders move different latents: what either adds to the rest can be added up.
    both = sliders.pure[pairs].sum(dim=1) - sliders.rest
    mixed = posterior(reader, _draw(model, both))
    is_either = (mixed.argmax(dim=1)[:, None] == pairs).any(dim=1)

    return SliderFidelity(
        recognised=recognised.tolist(),
        mean_recognised=recognised.mean().item(),
        lowest_recognised=recognised.min().item(),
        entropy=entropy(along).mean().item(),
        pure_recognised=int((pure == digits).sum()),
        pairs_recognised=is_either.double().mean().item(),
        pairs_entropy=entropy(mixed).mean().item(),
    )


def _draw(model: VAE, latents: Tensor) -> Tensor:
    return model.decode(latents).sigmoid()


def entropy(probabilities: Tensor) -> Tensor:
    """Shannon entropy (image,) in nats of distributions (image, class)."""
    terms: Tensor = torch.special.entr(probabilities)
    return terms.sum(dim=1)
