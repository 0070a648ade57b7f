"""Three steps of each variant, as numbers that a change of the step would change.

`tests/unit/test_golden_steps.py` compares them with `tests/golden_steps.json`. After a change that
is meant to change a step: python -m tests.golden_steps
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grvae.base.determinism import repeatable
from grvae.model.run import Run
from grvae.model.training import Losses, decoder_epoch, encode_all, joint_epoch
from grvae.model.vae import VAE
from grvae.params import Params, load_params
from tests.conftest import PROJECT, blobs

GOLDEN = Path(__file__).with_suffix(".json")
STEPS = 3
BATCH = 20
# Every route is taken: of the label, of a wrong one, and none.
ROUTES = {"wrong_labels": 0.4, "routed_images": 0.8}
# Means on either side of every floor and ceiling, of zero, and of the band of the prior.
LOWEST, HIGHEST = -3.0, 8.0
GAIN = 2.5  # of each layer before: about what PyTorch's fresh weights take from a signal


def take_steps(params: Params, name: str) -> list[dict[str, Any]]:
    """What a variant's first three steps are, in each of its phases.

    They are all of its training: its schedules pass from their start to their end. They start where
    a step depends on every bound and choice, which small fresh weights are far from.
    """
    variant = params.variant(name)
    images = blobs(STEPS * BATCH - 7)  # the last batch is short
    lengths = {"epochs": 1, "decoder_epochs": min(1, variant.recipe.decoder_epochs)}
    recipe = variant.recipe.model_copy(
        update=lengths | ROUTES | {"batch_size": BATCH, "epoch_steps": 1}
    )
    with repeatable(has_convolutions=True):
        run = Run(recipe, variant.latent_act, 0, images)
        spread_means(run.model, images.pixels)
        batches = torch.arange(len(images)).split(BATCH)

        def steps_of(epoch: Callable[..., Losses], *data: object) -> list[dict[str, Any]]:
            shares = [(batch, len(batch) / len(images)) for batch in batches]
            return [describe(run, epoch(run, *data, [batch]), share) for batch, share in shares]

        steps = steps_of(joint_epoch, images)
        if recipe.decoder_epochs:
            latents = encode_all(run.model, images.pixels)
            run.enter_decoder_phase()
            steps += steps_of(decoder_epoch, latents, images.pixels)
    return steps


@torch.no_grad()
def spread_means(model: VAE, pixels: Tensor) -> None:
    """Scale the encoder so that each latent's means on the images go from end to end."""
    for weights in model.encoder.parameters():
        weights.mul_(GAIN)
    means, _ = model.encode(pixels)
    lowest, highest = means.aminmax(dim=0)
    slope = (HIGHEST - LOWEST) / (highest - lowest)
    model.mean_head.bias.sub_(lowest).mul_(slope).add_(LOWEST)
    model.mean_head.weight.mul_(slope[:, None])


def describe(run: Run, losses: Losses, share: float) -> dict[str, Any]:
    """The losses of a step on a share of the images, the slopes it took and where it led to."""
    parameters = dict(run.model.named_parameters())
    weights = b"".join(value.detach().numpy().tobytes() for value in parameters.values())
    return {
        # The whole loss, the reconstruction term, and the regulariser in the joint phase.
        "losses": [loss / share for loss in losses if loss is not None],
        "gradient_norms": {
            name: value.grad.norm().item()
            for name, value in parameters.items()
            if value.grad is not None
        },
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }


def processor() -> str:
    """The maker's name of this machine's processor: equal bits are tested on that kind alone."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))


if __name__ == "__main__":
    params = load_params(PROJECT / "params.yaml")
    steps = {name: take_steps(params, name) for name in params.overrides}
    golden = {"processor": processor(), "steps": steps}
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
