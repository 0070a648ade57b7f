"""Where a long run stood at the end of an epoch, so that a killed one goes on to the same bits.

A checkpoint is a convenience, never a result: it lies outside of what DVC tracks, carries the
identity of the run that wrote it (code, data and parameters), and is ignored where anything in it
is not as it should be.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grvae.base.errors import GrvaeError
from grvae.base.storage import Arrays, arrays_sha256, load_arrays, save_arrays

# Where all code lies that decides a run's bits.
CODE = (Path(__file__).parent, Path(__file__).parents[1] / "base")


class Checkpoint:
    """The checkpoint file of one run; written at most once in a given time.

    Args:
        path: where to keep it.
        identity: see `run_identity`; a file with another one is not used.
        every_seconds: how much work may be lost.
    """

    def __init__(self, path: Path, identity: str, every_seconds: float = 30) -> None:
        self.path, self.identity, self.every_seconds = path, identity, every_seconds
        self.last_save = time.monotonic()

    def save_if_due(self, arrays: Arrays, about: Mapping[str, Any]) -> None:
        """Replace the file where the last one is old enough."""
        if time.monotonic() - self.last_save >= self.every_seconds:
            save_arrays(self.path, arrays, {"identity": self.identity, **about})
            self.last_save = time.monotonic()

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """What was saved; None where there is no file, or not a whole one of this very run."""
        try:
            arrays, about = load_arrays(self.path)
        except GrvaeError:
            return None
        return (arrays, about) if about.get("identity") == self.identity else None

    def remove(self) -> None:
        """Delete the file, whoever wrote it."""
        self.path.unlink(missing_ok=True)


def run_identity(data: Arrays, settings: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides a run's bits: the code, torch, the data and the settings."""
    digest = hashlib.sha256(torch.__version__.encode())
    for file in sorted(file for folder in CODE for file in folder.glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    digest.update(json.dumps(settings, sort_keys=True).encode())
    digest.update(arrays_sha256(data).encode())
    return digest.hexdigest()
