"""A Python that has imported already: stages start at once, not after the seconds that torch takes.

A server imports what stages and DVC import, and waits. `start` makes a folder with a `python` and
a `dvc`, to be put first in PATH. There `python -m MODULE ...` asks the server for a copy of itself,
by fork. The copy takes over folder, variables, standard files and arguments of the process that
asks, runs the module, and is killed when that process ends. User, rights and limits are the
server's.

Only packages of others are imported early: the project's own come from the folder of whoever asks.
Whatever else `python` is asked for, whoever has other variables than the server, or pins the maths
libraries differently, and whoever finds no server, gets the usual Python.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
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

# In the order in which they are needed.
MODULES = (
    "dvc.api",
    "dvc.commands.checkout",
    "dvc.commands.repro",
    "dvc.commands.status",
    "dvc.repo.reproduce",
    "dvc_data.index",
    "torch",
    "torch._dynamo",  # which an optimizer imports at its first step
    "safetensors.torch",
    "pandas",
    "pydantic",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "matplotlib.pyplot",
    "torchvision",
)
OWN_PACKAGES = {"fanout", "grvae"}
# Libraries read variables while they are loaded. None of them reads these.
READ_LATE = {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}
# DVC tells a stage these.
READ_LATE |= {"DVC_ROOT", "DVC_STAGE", "DVC_EXP_BASELINE_REV", "DVC_EXP_NAME"}
IDLE_SECONDS = 600.0  # a server that nobody asks for so long ends
SOCKET = "socket"
STANDARD_FILES = (0, 1, 2)
TAKEN = b"!"


def start(folder: Path, variables: Mapping[str, str] | None = None) -> Popen[str]:
    """Write `python` and `dvc` to a folder, and start their server, guarded.

    Args:
        folder: that nobody else may write to.
        variables: environment variables that are not as in this process.
    """
    from fanout.guard import start_guarded  # not for who asks

    for name, first in {"python": [], "dvc": ["-m", "dvc"]}.items():
        asking = [sys.executable, "-IS", str(Path(__file__).resolve()), "ask", str(folder), *first]
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(asking)} "$@"\n')
        (folder / name).chmod(0o755)
    command = [sys.executable, "-m", "fanout.warm", "serve"]
    server = start_guarded(command, folder, variables, DEVNULL)
    while server.poll() is None and not (folder / SOCKET).exists():
        time.sleep(0.01)
    return server


def ask(folder: str, arguments: Sequence[str]) -> int:
    """Let the server run Python with these arguments; returns the exit code."""
    here = str(Path.cwd())
    request = {"folder": here, "variables": dict(os.environ), "arguments": arguments[1:]}
    answer = b""
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        connection = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError), contextlib.chdir(folder):
            connection.connect(SOCKET)  # a socket's whole path may be too long
            socket.send_fds(connection, [b"?"], STANDARD_FILES)
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = connection.recv(1)
    if answer != TAKEN:
        os.execv(sys.executable, [sys.executable, *arguments])
    code = connection.recv(1)
    return code[0] if code else 128 + signal.SIGKILL


def serve() -> socket.socket:
    """Import, and copy this process for whoever asks; returns in a copy, the way to who asked.

    A copy has `sys.argv` and all else as it was asked for. The server itself never returns.
    """
    given = read_early()
    os.close(os.pidfd_open(os.getpid()))  # where this is not possible, the usual Python is better
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{SOCKET}.new")
    listener.listen(64)
    Path(f"{SOCKET}.new").rename(SOCKET)  # from here on, who asks waits
    import grvae  # noqa: F401 - pins the maths libraries before they are loaded

    pinned = read_early()
    left = list(MODULES)
    copies: dict[int, tuple[int, socket.socket]] = {}  # by a descriptor that tells of their end
    while True:
        # Who asks early gets what there is by then, and imports the rest itself.
        patience = 0.0 if left else IDLE_SECONDS
        ready, _, _ = select.select([listener.fileno(), *copies], [], [], patience)
        if left and not ready:
            with contextlib.suppress(ImportError):
                importlib.import_module(left.pop(0))
            if not left:
                gc.freeze()  # else a copy's collector would write to, and so copy, all memory
        elif not ready and not copies:
            Path(SOCKET).unlink()
            sys.exit()
        for descriptor in ready:
            if descriptor in copies:
                pass_on_end(*copies.pop(descriptor))
                os.close(descriptor)
                continue
            connection, _ = listener.accept()
            process = os.fork()
            if process == 0:
                listener.close()
                for other, (_, theirs) in copies.items():
                    os.close(other)
                    theirs.close()
                become(connection, given, pinned)
                return connection
            copies[os.pidfd_open(process)] = process, connection


def pass_on_end(copy: int, connection: socket.socket) -> None:
    """Tell who asked for a copy how it ended; if it was not killed, it has done so itself."""
    code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    with connection, contextlib.suppress(OSError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))


def read_early() -> dict[str, str]:
    """The variables that a library may read while it is loaded."""
    return {name: value for name, value in os.environ.items() if name not in READ_LATE}


def become(connection: socket.socket, given: Mapping[str, str], pinned: Mapping[str, str]) -> None:
    """Take the place of the process that asks, or end without a word if that cannot be.

    Args:
        connection: to that process.
        given: the server's variables, of those that may be read early.
        pinned: the same, after the maths libraries were pinned.
    """
    _, files, _, _ = socket.recv_fds(connection, 1, len(STANDARD_FILES))
    with connection.makefile("rb") as lines:
        line = lines.readline()
    if not line.endswith(b"\n"):
        os._exit(0)
    request = json.loads(line)
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv = request["arguments"]
    drop_own_packages()
    if set_variables(request["variables"]) != given or pins() != pinned:
        os._exit(0)
    set_variables(request["variables"])
    drop_own_packages()

    os.setsid()
    for own, theirs in zip(STANDARD_FILES, files, strict=True):
        os.dup2(theirs, own)
        os.close(theirs)
    threading.Thread(target=end_with, args=(connection,), daemon=True).start()
    connection.sendall(TAKEN)


def set_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Have these environment variables and no others; returns those that may be read early."""
    os.environ.clear()
    os.environ.update(variables)
    return read_early()


def pins() -> dict[str, str]:
    """The variables after the project in this folder has pinned the maths libraries."""
    importlib.import_module("grvae")
    return read_early()


def drop_own_packages() -> None:
    """Let the project's own packages be read anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN_PACKAGES]:
        del sys.modules[name]


def end_with(connection: socket.socket) -> None:
    """Wait for the end of the process that asked, and then kill all that was started here.

    That may be a moment later: the module must let this thread run.
    """
    with contextlib.suppress(OSError):
        connection.recv(1)
    os.killpg(0, signal.SIGKILL)


def run_module() -> int:
    """Run the module that `sys.argv` names; returns the exit code, as Python gives it."""
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, int):
            return end.code & 0xFF
        if end.code is not None:
            print(end.code, file=sys.stderr)
        return int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Ask, or serve."""
    role, *arguments = sys.argv[1:]
    if role == "ask":
        sys.exit(ask(arguments[0], arguments[1:]))
    connection = serve()
    code = run_module()
    threading._shutdown()  # type: ignore[attr-defined] # waits for the module's own threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    with contextlib.suppress(OSError):
        connection.sendall(bytes([code]))
    os._exit(code)  # to take all modules apart would take half a second


if __name__ == "__main__":
    main()
