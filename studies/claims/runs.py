"""The runs of a setting: where they are kept, and how all of them are done at once."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed, parallel_config

Result = TypeVar("Result")


def run_file(runs: Path, seed: int) -> Path:
    """The weights of one run."""
    return runs / f"{seed}.safetensors"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def one_by_core(function: Callable[..., Result], cases: Iterable[tuple[Any, ...]]) -> list[Result]:
    """Call a function with each case's arguments, in as many processes as there are cores.

    A run gains little from a second thread; two runs at a time are nearly twice as fast.
    """
    calls = [delayed(function)(*case) for case in cases]
    with parallel_config(backend="loky", inner_max_num_threads=1):
        return list(Parallel(n_jobs=min(cpu_count(), len(calls)))(calls))
