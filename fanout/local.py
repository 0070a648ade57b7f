"""Workers of this machine: one process a command, forked from one that has imported already.

`python -m MODULE ...` runs in the fork, so that what is preloaded (torch, say) is imported once and
not by every stage. Any other command is run by the shell, as DVC does it.
"""

import atexit
import contextlib
import gc
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from fanout.job import Command, Job, describe_exit

PYTHON = re.compile(r"(?:PYTHONSAFEPATH=(?P<safe>\S*) +)?python3? +-m +(?P<rest>\S.*)")
SHELL_SYNTAX = re.compile(r"[|&;<>()$`\\*?\[\]{}~#!\n]")


@dataclass
class Running:
    """A job, its process, and the commands that follow."""

    job: Job
    process: BaseProcess
    left: list[Command] = field(default_factory=list)


class LocalWorkers:
    """Processes of this machine."""

    def __init__(self, processes: int, preload: Sequence[str]) -> None:
        self.processes = processes
        self.context = get_context("forkserver")
        self.context.set_forkserver_preload(list(preload))
        self.since = time.time()  # what is preloaded is as new as this
        self.running: dict[int, Running] = {}

    def slots(self) -> int:
        """How many jobs may run at a time."""
        return self.processes

    def start(self, job: Job) -> None:
        """Start a job's first command."""
        start_log(job.log)
        self.run_next(job, list(job.commands))

    def run_next(self, job: Job, commands: list[Command]) -> None:
        """Start the first of the commands."""
        process = self.context.Process(
            target=run_command, args=(commands[0], job.folder, job.variables, job.log, self.since)
        )
        # multiprocessing lets the child import the caller's main module, which it does not need.
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
        self.running[process.sentinel] = Running(job, process, commands[1:])

    def wait(self, seconds: float) -> Mapping[str, str | None]:
        """Wait until jobs end; gives each one's name, and the problem if it failed."""
        ended: dict[str, str | None] = {}
        for sentinel in connection.wait(list(self.running), seconds):
            assert isinstance(sentinel, int)
            running = self.running.pop(sentinel)
            running.process.join()
            end_group(running.process)
            assert running.process.exitcode is not None
            problem = describe_exit(running.process.exitcode)
            if problem is None and running.left:
                self.run_next(running.job, running.left)
            else:
                ended[running.job.name] = problem
        return ended

    def stop(self) -> None:
        """Kill all that runs, with all that it has started."""
        for running in self.running.values():
            end_group(running.process)
            running.process.kill()
        for running in self.running.values():
            running.process.join()
        self.running.clear()


def start_log(log: Path) -> None:
    """Empty the file of a log; git does not see a folder that is made for it."""
    if not log.parent.is_dir():
        log.parent.mkdir(parents=True)
        (log.parent / ".gitignore").write_text("*\n")
    log.write_bytes(b"")


def end_group(process: BaseProcess) -> None:
    """Kill what a command has started and left running."""
    with contextlib.suppress(ProcessLookupError):
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)


def run_command(
    command: Command, folder: Path, variables: Mapping[str, str], log: Path, since: float
) -> None:
    """In a forked process: run one command to its end, and take over its exit code.

    Args:
        command: what to run.
        folder: where.
        variables: of its environment, besides those of this process.
        log: the file for what it prints.
        since: when the process that this one was forked from began.
    """
    os.setsid()
    threading.Thread(target=end_with_caller, daemon=True).start()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(folder)
    os.environ.update(variables)
    match = None if SHELL_SYNTAX.search(command.text) else PYTHON.fullmatch(command.text.strip())
    if match and not edited(since):
        run_module(shlex.split(match["rest"]), bool(match["safe"]))
    else:
        code = subprocess.call(command.shell)
        if code < 0:
            os.kill(os.getpid(), -code)
        sys.exit(code)


def end_with_caller() -> None:
    """Kill this process and all that it has started when the caller has ended, however it ended."""
    caller = parent_process()
    assert caller is not None
    connection.wait([caller.sentinel])
    os.killpg(0, signal.SIGKILL)


def edited(since: float) -> bool:
    """Whether a file of the project's own modules is newer than what was preloaded from it."""
    for module in own_modules().values():
        file = getattr(module, "__file__", None)
        try:
            if file and Path(file).stat().st_mtime > since:
                return True
        except OSError:
            return True
    return False


def own_modules() -> dict[str, ModuleType]:
    """The loaded modules that are neither Python's own nor installed, by name."""
    python = Path(sys.base_prefix)

    def is_own(module: ModuleType) -> bool:
        file = Path(getattr(module, "__file__", None) or python)
        installed = {"site-packages", "dist-packages"} & set(file.parts)
        return not installed and not file.is_relative_to(python)

    return {name: module for name, module in [*sys.modules.items()] if is_own(module)}


def run_module(arguments: Sequence[str], safe_path: bool) -> None:
    """Do what `python -m` does with these arguments, in this process."""
    gc.freeze()  # else the collector would write to, and so copy, all preloaded memory
    for name in own_modules():
        del sys.modules[name]  # stages import the project as it is now
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # else every fork would draw the same numbers
    if not sys.flags.safe_path:
        del sys.path[0]
    if not safe_path:
        sys.path.insert(0, str(Path.cwd()))
    sys.argv = list(arguments)
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
