"""The judge: a classifier of real images that says what digit a drawn image shows.

It sees no model and no latent, so its word on what a decoder draws is an outside one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.sizes import DIGITS, SIDE
from grvae.base.storage import load_arrays, save_arrays
from grvae.model.augmentation import shift_at_random
from grvae.model.images import ImageSet

# Counted in steps, not in epochs, so that a small set of images is learned as well as a large one.
STEPS = 1000
BATCH_SIZE = 128
LEARNING_RATE = 0.01
MAX_SHIFT = 2

# From pixels (image, 784) in [0, 1] to logits (image, digit).
Judge = Callable[[Tensor], Tensor]


def train_judge(train: ImageSet, seed: int, steps: int = STEPS) -> nn.Module:
    """Train a small convolutional network; on a CPU the same arguments give the same bits.

    Args:
        train: real images to learn from, each moved by up to `MAX_SHIFT` pixels in every batch.
        seed: of initial weights, batches and shifts.
        steps: batches of `BATCH_SIZE` to learn from.

    Returns:
        A module from pixels (batch, 784) in [0, 1] to logits (batch, digit).
    """
    torch.use_deterministic_algorithms(True)
    stream = random_stream(seed, "judge")
    judge = _build_judge(stream)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=LEARNING_RATE, fused=True)
    # One more than there are: the scheduler is also advanced after the last step.
    schedule = OneCycleLR(optimizer, LEARNING_RATE, steps + 1)
    with _one_thread():
        for _ in range(steps):
            batch = torch.randint(len(train), (BATCH_SIZE,), generator=stream)
            images = shift_at_random(train.pixels[batch], MAX_SHIFT, stream)
            loss = F.cross_entropy(judge(images), train.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return judge.eval()


@contextmanager
def _one_thread() -> Iterator[None]:
    """The sums in a convolution's gradient are split by threads: their number would show."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _build_judge(init: torch.Generator) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=init)))
        return _layers()


def _layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
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
        nn.Linear(128, DIGITS),
    )


def save_judge(path: Path, judge: nn.Module) -> None:
    """Write a judge's weights."""
    save_arrays(path, {name: value.numpy() for name, value in judge.state_dict().items()})


def load_judge(path: Path) -> nn.Module:
    """Read what `save_judge` wrote.

    Raises:
        GrvaeError: the file is missing or corrupt, or does not hold a judge.
    """
    arrays, _ = load_arrays(path)
    judge = _layers()
    try:
        judge.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:
        raise GrvaeError(f"{path}: does not hold the weights of a judge") from error
    return judge.eval()


@torch.no_grad()
def posterior(judge: Judge, pixels: Tensor) -> Tensor:
    """Probabilities (image, digit) that the judge gives to pixels (image, 784) in [0, 1]."""
    return torch.cat([judge(part).softmax(dim=1) for part in pixels.split(1024)])


def judge_accuracy(judge: Judge, images: ImageSet) -> float:
    """Share of the images that the judge names by their label, in [0, 1]."""
    named = posterior(judge, images.pixels).argmax(dim=1)
    return (named == images.labels).float().mean().item()
