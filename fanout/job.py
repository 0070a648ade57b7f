"""What a fan-out's caller and its workers tell each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fanout.pipeline import Unit


@dataclass(frozen=True)
class Remote:
    """For workers that share no disk with the caller: a DVC remote, and the project's files."""

    name: str
    archive: bytes


@dataclass(frozen=True)
class Job:
    """What all units of one fan-out have in common.

    Attributes:
        name: unique; also the Dask topic of its events.
        project: the caller's project folder.
        identity: the same for equal projects; see `Snapshot`.
        exchange: the cache folder that caller and workers share, or else the remote.
        settings: of the caller's DVC, for the worker's.
        threads: of each stage's process.
        versions: what the caller computes with.
    """

    name: str
    project: Path
    identity: str
    exchange: Path | Remote
    settings: Mapping[str, str]
    threads: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a unit ended; `problem` is None if all its results are in the run-cache."""

    unit: Unit
    seconds: float
    problem: str | None = None
    log: tuple[str, ...] = ()


def meeting_place(cache: Path, name: str) -> Path:
    """A file in the shared cache folder for what caller and workers tell each other."""
    return cache / "fanout" / name
