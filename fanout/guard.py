"""Run a command that must not outlive the process that asked for it.

A killed dvc leaves its command running, and a killed worker leaves its dvc. So each is run by a
guard, which leads a process group of its own and reads its standard input, a pipe that nobody
writes to: when the asking process ends, even by kill -9, the pipe closes, and the guard kills the
whole group.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# Dask lets its processes, its caller's included, give freed memory back at once. A stage that
# trains would spend nearly half of its time on getting it again.
DASK_VARIABLES = {"MALLOC_TRIM_THRESHOLD_"}


def start_guarded(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str] | None = None,
    output: int | IO[str] | None = None,
    keep_open: Sequence[int] = (),
) -> subprocess.Popen[str]:
    """Start a command in a folder; to kill it with all that it started, close its `stdin`.

    Args:
        command: the program and its arguments.
        folder: where to run it.
        variables: environment variables that are not as in this process.
        output: where standard output and errors go, as for `subprocess`.
        keep_open: file descriptors to hold until the command ends.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in DASK_VARIABLES}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).resolve()), *command],
        cwd=folder,
        env=inherited | dict(variables or {}),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        pass_fds=keep_open,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a guarded process and all that it started."""
    assert process.stdin is not None
    process.stdin.close()


def guard(command: Sequence[str]) -> int:
    """Run a command to its end, or until standard input closes; returns its exit code."""
    # A signal to the group is for the command. A handler, unlike SIG_IGN, is not inherited.
    signal.signal(signal.SIGINT, lambda *_: None)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=kill_group_when_input_ends, daemon=True).start()
    code = process.wait()
    return code if code >= 0 else 128 - code


def kill_group_when_input_ends() -> None:
    """Wait for the asking process to end, however it ends."""
    os.read(sys.stdin.fileno(), 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(guard(sys.argv[1:]))
