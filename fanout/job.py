"""What the caller asks of a worker: one stage's commands, in words that need no DVC."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# How many threads, and processes of joblib, a command may use.
THREADS_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


class FanoutError(Exception):
    """What stops the whole call: one line that says what is wrong, where, and what would do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # others' messages, quoted in it, have lines


@dataclass(frozen=True)
class Job:
    """One stage to run.

    Attributes:
        name: the stage's address.
        commands: run one after the other until one fails.
        shell: the arguments before a command, of the shell that DVC runs it by.
        folder: where they run.
        root: of the DVC project.
        inputs: files and folders that the stage reads.
        outputs: files and folders that it writes.
        log: the file for what the commands print.
    """

    name: str
    commands: Sequence[str]
    shell: Sequence[str]
    folder: Path
    root: Path
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    log: Path

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables by which DVC tells a command what it is."""
        return {"DVC_ROOT": str(self.root), "DVC_STAGE": self.name}

    def start_log(self) -> None:
        """Empty the log; git does not see a folder that is made for it."""
        if not self.log.parent.is_dir():
            self.log.parent.mkdir(parents=True)
            (self.log.parent / ".gitignore").write_text("*\n")
        self.log.write_bytes(b"")


class Workers(Protocol):
    """Who runs jobs: processes of this machine, or a cluster."""

    def slots(self) -> int:
        """How many jobs may run at a time."""

    def start(self, job: Job) -> None:
        """Start a job; there is a slot for it."""

    def wait(self, seconds: float) -> Mapping[str, str | None]:
        """Wait until jobs end, or so long; gives each one's name, and the problem if it failed."""

    def stop(self) -> None:
        """End all that runs."""


def describe_exit(code: int) -> str | None:
    """Why a process failed, from its exit code (negative: the signal); None if it did not."""
    if code == 0:
        return None
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "killed, probably out of memory: fewer processes (-j) need less"
    return f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"
