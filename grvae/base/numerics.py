"""How torch is told to give the same bits again; see `pins` for the instruction set."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# oneMKL splits the sums of small matrix products over many threads, even in its strict mode: the
# recipes' shapes give the same bits from 1 to 8 threads, and others beyond.
MAX_THREADS = 8


@contextmanager
def repeatable(has_convolutions: bool) -> Iterator[None]:
    """Let torch use only what gives the same bits at every run and number of threads.

    Args:
        has_convolutions: whether one thread is used: a convolution's sums are split by threads, so
            that their number would show.
    """
    torch.use_deterministic_algorithms(True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if has_convolutions else min(threads, MAX_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
