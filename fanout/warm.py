"""A Python that has imported already: stages start at once, not after the seconds that torch takes.

A server imports what stages and DVC import, and waits. `prepare` makes a folder with a `python` and
a `dvc`, to be put first in PATH. There `python -m MODULE ...` asks the server for a copy of itself,
by fork. The copy takes over folder, variables, standard files and arguments of the process that
asks, runs the module as Python would, and is killed when that process ends. Only packages of others
are imported early: the project's own come from the folder of whoever asks. Whatever else `python`
is asked for, or where the server is gone, the usual Python runs.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import random
import runpy
import select
import shlex
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, Popen

MODULES = (
    "dvc.api",
    "dvc.commands.checkout",
    "dvc.commands.repro",
    "dvc.commands.status",
    "dvc.repo.reproduce",
    "dvc_data.index",
    "matplotlib.pyplot",
    "pandas",
    "pydantic",
    "safetensors.torch",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "torch",
    "torch._dynamo",  # which an optimizer imports at its first step
    "torchvision",
)
OWN_PACKAGES = {"fanout", "grvae"}
# What libraries read while they are loaded. Who has another value gets the usual Python.
READ_EARLY = ("ATEN_", "GOMP_", "KMP_", "LD_", "MKL_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON")
IDLE_SECONDS = 600.0  # a server that nobody asks for so long ends
SOCKET = "socket"
STANDARD_FILES = (0, 1, 2)
TAKEN = b"!"


def start(folder: Path, variables: Mapping[str, str] | None = None) -> Popen[str]:
    """Write `python` and `dvc` to a folder, and start their server, guarded.

    Args:
        folder: with a short path, as a socket needs.
        variables: environment variables that are not as in this process.
    """
    from fanout.guard import start_guarded  # not for who asks

    server = start_guarded(prepare(folder), folder, variables, DEVNULL)
    while server.poll() is None and not (folder / SOCKET).exists():
        time.sleep(0.01)
    return server


def prepare(folder: Path) -> list[str]:
    """Write `python` and `dvc` to a folder; returns the command of their server."""
    here, address = str(Path(__file__).resolve()), str(folder / SOCKET)
    for name, first in {"python": [], "dvc": ["-m", "dvc"]}.items():
        words = shlex.join([sys.executable, "-IS", here, "ask", address, *first])
        (folder / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (folder / name).chmod(0o755)
    return [sys.executable, "-m", "fanout.warm", "serve", address]


def ask(address: str, arguments: Sequence[str]) -> int:
    """Let the server run Python with these arguments; returns the exit code."""
    request = {"folder": str(Path.cwd()), "variables": dict(os.environ), "arguments": arguments[1:]}
    taken = b""
    if arguments[:1] == ["-m"]:
        connection = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            connection.connect(address)
            socket.send_fds(connection, [b"?"], STANDARD_FILES)
            connection.sendall(json.dumps(request).encode() + b"\n")
            taken = connection.recv(1)
    if taken != TAKEN:
        os.execv(sys.executable, [sys.executable, *arguments])
    code = connection.recv(1)
    return code[0] if code else 128 + signal.SIGKILL


def serve(address: str) -> None:
    """Import, and copy this process for whoever asks; returns in a copy.

    A copy has `sys.argv` and all else as it was asked for. The server itself never returns.
    """
    early = read_early(os.environ)
    os.close(os.pidfd_open(os.getpid()))  # where this is not possible, the usual Python is better
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen(64)
    Path(f"{address}.new").rename(address)  # from here on, who asks waits
    import grvae  # noqa: F401 - pins the numerics before torch is loaded

    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # else a copy's collector would write to, and so copy, all of the memory

    copies: dict[int, tuple[int, socket.socket]] = {}  # by a descriptor that tells of their end
    while True:
        ready, _, _ = select.select([listener.fileno(), *copies], [], [], IDLE_SECONDS)
        if not ready and not copies:
            Path(address).unlink()
            sys.exit()
        for descriptor in ready:
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                process = os.fork()
                if process == 0:
                    listener.close()
                    for other, (_, theirs) in copies.items():
                        os.close(other)
                        theirs.close()
                    become(connection, early)
                    return
                copies[os.pidfd_open(process)] = process, connection
            else:
                process, connection = copies.pop(descriptor)
                os.close(descriptor)
                with connection, contextlib.suppress(OSError):
                    connection.sendall(bytes([exit_code(os.waitpid(process, 0)[1])]))


def exit_code(status: int) -> int:
    """As a shell says it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def read_early(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that libraries read while they are loaded."""
    return {name: value for name, value in variables.items() if name.startswith(READ_EARLY)}


def become(connection: socket.socket, early: Mapping[str, str]) -> None:
    """Take the place of the process that asks, or end without a word if that cannot be."""
    _, given, _, _ = socket.recv_fds(connection, 1, len(STANDARD_FILES))
    with connection.makefile("rb") as lines:
        line = lines.readline()
    request = json.loads(line) if line.endswith(b"\n") else None
    if not request or read_early(request["variables"]) != early:
        os._exit(0)
    os.setsid()
    for own, theirs in zip(STANDARD_FILES, given, strict=True):
        os.dup2(theirs, own)
        os.close(theirs)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.path[0] = request["folder"]
    sys.argv = request["arguments"]
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN_PACKAGES]:
        del sys.modules[name]
    random.seed()  # else all copies draw the same
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    connection.sendall(TAKEN)


def end_with(connection: socket.socket) -> None:
    """Wait for the end of the process that asked, and end with all that was started here."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.killpg(0, signal.SIGKILL)


def run_module() -> int:
    """Run the module that `sys.argv` names; returns the exit code, as Python gives it."""
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, int):
            return end.code
        if end.code is not None:
            print(end.code, file=sys.stderr)
        return int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Ask, or serve."""
    role, address, *arguments = sys.argv[1:]
    if role == "ask":
        sys.exit(ask(address, arguments))
    serve(address)
    code = run_module()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)  # to take all modules apart would take half a second


if __name__ == "__main__":
    main()
