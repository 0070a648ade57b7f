"""Do the sliders draw digits? A reader of real images names what they draw.

A digit's slider moves the latents that belong to the digit, together, while all others rest.
"""

from dataclasses import dataclass

import torch

from grvae.measure.sliders import Sliders
from grvae.model.vae import VAE
from studies.claims.reader import Reader, posterior

POSITIONS = 9


@dataclass(frozen=True)
class SliderFidelity:
    """What the reader says of a model's sliders.

    Attributes:
        steps_recognised: share in [0, 1] of the steps along all digits' sliders that show the
            slider's digit.
        pure_recognised: how many sliders show their digit at its typical value.
    """

    steps_recognised: float
    pure_recognised: int


@torch.no_grad()
def slider_fidelity(model: VAE, sliders: Sliders, reader: Reader) -> SliderFidelity:
    """Read what a model's sliders draw.

    Args:
        model: a trained model.
        sliders: of its digits.
        reader: see `studies.claims.reader.train_reader`.
    """

    def read(latents: torch.Tensor) -> torch.Tensor:
        return posterior(reader, model.decode(latents).sigmoid()).argmax(dim=1)

    digits = torch.arange(len(sliders.pure))
    along = read(sliders.along(POSITIONS).flatten(end_dim=1)).view(-1, POSITIONS)
    return SliderFidelity(
        steps_recognised=(along == digits[:, None]).double().mean().item(),
        pure_recognised=int((read(sliders.pure) == digits).sum()),
    )
