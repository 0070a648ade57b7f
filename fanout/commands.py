"""Ask DVC, or let it work."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from fanout.guard import kill, start_guarded
from grvae.base.errors import GrvaeError

# Another dvc in the same workspace, a person's say, holds its lock for seconds: wait for it.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")
STOP_SECONDS = 10  # that it gets to end tidily


def ask_dvc(folder: Path, *arguments: str) -> str:
    """What a dvc command prints.

    Raises:
        GrvaeError: it failed.
    """
    result = subprocess.run([*DVC, *arguments], cwd=folder, capture_output=True, text=True)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise GrvaeError(f"`dvc {arguments[0]}` failed: {lines[-1].removeprefix('ERROR: ')}")
    return result.stdout


def run_dvc(folder: Path, *arguments: str) -> None:
    """Run a dvc command that writes to the terminal; it and its stages end when this process does.

    Raises:
        GrvaeError: it failed, and has said why.
    """
    process = start_guarded([*DVC, *arguments], folder)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        raise
    finally:
        kill(process)
    if code != 0:
        raise GrvaeError(f"`dvc {arguments[0]}` failed, see above")
