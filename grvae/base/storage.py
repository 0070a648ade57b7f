"""Read and write the files that pass between stages, at paths given by the caller.

Arrays travel as safetensors, which cannot execute code, with a SHA-256 of their content, which the
format lacks: a flipped bit is found when the file is read. Every write is atomic: a killed process
leaves the old file or the new one, never half of one.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors
import safetensors.numpy

from grvae.base.errors import GrvaeError

Arrays = Mapping[str, np.ndarray]

# One key only: safetensors writes its metadata in hash order, so two keys would not be byte-stable.
METADATA_KEY = "grvae"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or not there, even after a kill or a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise GrvaeError(f"cannot write {path}: {error.strerror}") from error


def save_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any] | None = None) -> None:
    """Write named arrays and a JSON-able description of them."""
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    metadata = {"about": dict(about or {}), "sha256": arrays_sha256(arrays)}
    content = safetensors.numpy.save(
        dict(arrays), metadata={METADATA_KEY: json.dumps(metadata, sort_keys=True)}
    )
    write_atomically(path, content)


def load_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_arrays` wrote.

    Returns:
        The arrays by name, and their description.

    Raises:
        GrvaeError: the file is missing, truncated, altered, or was not written by `save_arrays`.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {})[METADATA_KEY])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
        about, expected = dict(metadata["about"]), metadata["sha256"]
    except FileNotFoundError as error:
        raise GrvaeError(f"{path}: no such file") from error
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror or error}") from error
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise GrvaeError(f"{path}: corrupt, or not an array file of this project") from error
    if arrays_sha256(arrays) != expected:
        raise GrvaeError(f"{path}: corrupt, its content does not match its own SHA-256")
    return arrays, about


def arrays_sha256(arrays: Arrays) -> str:
    """SHA-256 of named arrays, whatever their order: of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def save_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys; a number that is not finite is an error, not invalid JSON."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
    write_atomically(path, f"{text}\n".encode())


def load_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        GrvaeError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise GrvaeError(f"{path}: corrupt, not JSON ({error})") from error


def save_table(path: Path, table: pd.DataFrame) -> None:
    """Write a CSV with the table's columns in order and floats that read back exactly."""
    write_atomically(path, table.to_csv(index=False, lineterminator="\n").encode())


def load_table(path: Path) -> pd.DataFrame:
    """Read a CSV.

    Raises:
        GrvaeError: the file is missing, empty or not a table.
    """
    try:
        return pd.read_csv(path)
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, pd.errors.ParserError) as error:
        raise GrvaeError(f"{path}: corrupt, not a table ({error})") from error
