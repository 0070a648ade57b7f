"""The classifier of real images that says what digit a decoded image shows.

It sees no model and no latent, so its answer is independent of both. As a command, this module
trains one on a dataset and measures it on the test split.
"""

from collections.abc import Callable
from pathlib import Path

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grvae.base.command import StageCommand, paths
from grvae.base.determinism import repeatable
from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.base.layout import DataFolder
from grvae.base.seeding import random_stream, weights_drawn_from
from grvae.base.storage import load_arrays, save_arrays, save_json
from grvae.model.augmentation import shift_at_random
from grvae.model.images import ImageSet, load_images
from grvae.model.phase_optimizer import PhaseOptimizer, one_cycle

STEPS, BATCH_SIZE, LEARNING_RATE, MAX_SHIFT = 1000, 128, 0.01, 2
# From pixels (image, 784) in [0, 1] to logits (image, digit).
Classifier = Callable[[Tensor], Tensor]


@repeatable(has_convolutions=True)
def train_classifier(train: ImageSet, seed: int, steps: int = STEPS) -> nn.Module:
    """Train a small convolutional network; on a CPU the same arguments give the same bits.

    Returns:
        A module from pixels (batch, 784) in [0, 1] to logits (batch, digit).
    """
    stream = random_stream(seed, "judge")  # its first name, which gives the recorded bits
    with weights_drawn_from(stream):
        classifier = _layers()
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = one_cycle(optimizer, LEARNING_RATE, steps)
    phase_optimizer = PhaseOptimizer(optimizer, schedule, steps)
    for _ in range(steps):
        batch = torch.randint(len(train), (BATCH_SIZE,), generator=stream)
        images = shift_at_random(train[batch].pixels, train.spec, MAX_SHIFT, stream)
        phase_optimizer.step(F.cross_entropy(classifier(images), train.labels[batch]))
    return classifier.eval()


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


def load_classifier(path: Path) -> nn.Module:
    """Read a trained classifier.

    Raises:
        GrvaeError: the file is missing or corrupt, or does not hold a classifier.
    """
    arrays, _ = load_arrays(path)
    classifier = _layers()
    try:
        classifier.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    except RuntimeError as error:
        raise GrvaeError(f"{path}: does not hold the weights of a classifier") from error
    return classifier.eval()


@torch.no_grad()
def classify(classifier: Classifier, pixels: Tensor) -> Tensor:
    """The likeliest digit (image,) of pixels (image, 784) in [0, 1]."""
    return torch.cat([classifier(part).softmax(dim=1).argmax(dim=1) for part in pixels.split(1024)])


@click.command(cls=StageCommand, help=__doc__)
@paths("data", "weights", "measures")
def main(data: Path, weights: Path, measures: Path) -> None:
    files = DataFolder(data)
    trained = train_classifier(load_images(files.train), seed=0)
    save_arrays(weights, {name: value.numpy() for name, value in trained.state_dict().items()})
    test = load_images(files.test)
    is_right = classify(trained, test.pixels) == test.labels
    save_json(measures, {"test_accuracy": is_right.float().mean().item()})


if __name__ == "__main__":
    main()
