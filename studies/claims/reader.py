"""The reader: a classifier of real images that says what digit a drawn image shows.

It sees no model and no latent, so its word on what a decoder draws is an outside one.
"""

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grvae.base.determinism import repeatable
from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.base.seeding import random_stream, weights_drawn_from
from grvae.base.storage import load_arrays, save_arrays
from grvae.model.augmentation import shift_at_random
from grvae.model.images import ImageSet
from grvae.model.phase_optimizer import PhaseOptimizer, one_cycle
from studies.claims.study import ReaderRecipe

# From pixels (image, 784) in [0, 1] to logits (image, digit).
Reader = Callable[[Tensor], Tensor]


@repeatable(has_convolutions=True)
def train_reader(train: ImageSet, recipe: ReaderRecipe, seed: int) -> nn.Module:
    """Train a small convolutional network; on a CPU the same arguments give the same bits.

    Args:
        train: real images to learn from, each moved at random in every batch.
        recipe: for how long, and how.
        seed: of initial weights, batches and shifts.

    Returns:
        A module from pixels (batch, 784) in [0, 1] to logits (batch, digit).
    """
    stream = random_stream(seed, "judge")
    with weights_drawn_from(stream):
        reader = _layers()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=recipe.learning_rate, fused=True)
    phase_optimizer = PhaseOptimizer(
        optimizer, one_cycle(optimizer, recipe.learning_rate, recipe.steps), recipe.steps
    )
    for _ in range(recipe.steps):
        batch = torch.randint(len(train), (recipe.batch_size,), generator=stream)
        images = shift_at_random(train.pixels[batch], train.spec, recipe.max_shift, stream)
        phase_optimizer.step(F.cross_entropy(reader(images), train.labels[batch]))
    return reader.eval()


def _layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, MNIST.side, MNIST.side)),
        nn.Conv2d(1, 16, kernel_size=5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 3 * 3, 128),
        nn.ReLU(),
        nn.Linear(128, len(MNIST.classes)),
    )


def save_reader(path: Path, reader: nn.Module) -> None:
    """Write a reader's weights."""
    save_arrays(path, {name: value.numpy() for name, value in reader.state_dict().items()})


def load_reader(path: Path) -> nn.Module:
    """Read what `save_reader` wrote.

    Raises:
        GrvaeError: the file is missing or corrupt, or does not hold a reader.
    """
    arrays, _ = load_arrays(path)
    reader = _layers()
    try:
        reader.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:
        raise GrvaeError(f"{path}: does not hold the weights of a reader") from error
    return reader.eval()


@torch.no_grad()
def posterior(reader: Reader, pixels: Tensor) -> Tensor:
    """Probabilities (image, digit) that the reader gives to pixels (image, 784) in [0, 1]."""
    return torch.cat([reader(part).softmax(dim=1) for part in pixels.split(1024)])


def reader_accuracy(reader: Reader, images: ImageSet) -> float:
    """Share of the images that the reader names by their label, in [0, 1]."""
    named = posterior(reader, images.pixels).argmax(dim=1)
    return (named == images.labels).float().mean().item()
