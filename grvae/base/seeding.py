"""Independent random streams from one run seed.

Each consumer (initial weights, batch order, noise) draws from a stream of its own. Two variants
with the same seed therefore share all of them, even if one consumer draws more numbers: their
difference is a paired one.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Stream = Literal["init", "shuffle", "augmentation", "noise", "routes", "split", "judge"]


def random_stream(seed: int, stream: Stream) -> torch.Generator:
    """A generator, on torch's default device, that depends on seed and stream name alone."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    generator = torch.Generator(torch.get_default_device())
    return generator.manual_seed(int.from_bytes(digest[:8], "little", signed=True))


@contextmanager
def weights_drawn_from(stream: torch.Generator) -> Iterator[None]:
    """Modules built in here draw their initial weights from the stream, not from global state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=stream)))
        yield
