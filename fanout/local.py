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
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from fanout.job import Job, describe_exit

MODULE = re.compile(r"((?:PYTHON(?:SAFE)?PATH=\S* +)*)python3?(?: +-B)? +-m +(\S.*)")
SHELL_SYNTAX = re.compile(r"[|&;<>()$`\\*?\[\]{}~#!\n]")


class LocalWorkers:
    """Processes of this machine."""

    def __init__(self, processes: int, preload: Sequence[str]) -> None:
        self.processes = processes
        self.context = get_context("forkserver")
        self.context.set_forkserver_preload(list(preload))
        self.since = time.time()  # what is preloaded is as new as this
        # By what tells of a process's end: the job, and the number of its command.
        self.running: dict[int, tuple[Job, int, BaseProcess]] = {}

    def slots(self) -> int:
        """How many jobs may run at a time."""
        return self.processes

    def start(self, job: Job) -> None:
        """Start a job's first command."""
        job.start_log()
        self.start_command(job, 0)

    def start_command(self, job: Job, number: int) -> None:
        """Start one of a job's commands."""
        process = self.context.Process(target=run_command, args=(job, number, self.since))
        # multiprocessing lets the child import the caller's main module, which it does not need.
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = main
        self.running[process.sentinel] = job, number, process

    def wait(self, seconds: float) -> Mapping[str, str | None]:
        """Wait until jobs end; gives each one's name, and the problem if it failed."""
        ended: dict[str, str | None] = {}
        for sentinel in connection.wait(list(self.running), seconds):
            assert isinstance(sentinel, int)
            job, number, process = self.running.pop(sentinel)
            process.join()
            end_group(process)
            assert process.exitcode is not None
            problem = describe_exit(process.exitcode)
            if problem is None and number + 1 < len(job.commands):
                self.start_command(job, number + 1)
            else:
                ended[job.name] = problem
        return ended

    def stop(self) -> None:
        """Kill all that runs, with all that it has started."""
        for _, _, process in self.running.values():
            end_group(process)
            process.kill()
            process.join()
        self.running.clear()


def end_group(process: BaseProcess) -> None:
    """Kill what a command has started and left running."""
    with contextlib.suppress(ProcessLookupError):
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)


def run_command(job: Job, number: int, since: float) -> None:
    """In a forked process: run one of a job's commands to its end, and take over its exit code.

    Args:
        job: the job.
        number: of the command.
        since: when what is preloaded was not yet.
    """
    os.setpgrp()  # not a session: Linux would give each as much time as all else, nice or not
    threading.Thread(target=end_with_caller, daemon=True).start()
    with job.log.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(job.folder)
    os.environ.update(job.variables)
    command = job.commands[number]
    module = as_module(command)
    if module and not edited(since):
        run_module(*module)
    else:
        code = subprocess.call([*job.shell, command])
        if code < 0:
            os.kill(os.getpid(), -code)
        sys.exit(code)


def as_module(command: str) -> tuple[Mapping[str, str], Sequence[str]] | None:
    """The variables and arguments of `python -m`; None where a command asks for more.

    Variables other than those of the search path may be read when a library is loaded.
    """
    match = MODULE.fullmatch(command.strip())
    if match is None or SHELL_SYNTAX.search(command):
        return None
    variables = dict(word.split("=", 1) for word in shlex.split(match[1]))
    return variables, shlex.split(match[2])


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
        # What no file is behind, as some of torch's modules, may name one without a folder.
        return file.is_absolute() and not installed and not file.is_relative_to(python)

    return {name: module for name, module in [*sys.modules.items()] if is_own(module)}


def run_module(variables: Mapping[str, str], arguments: Sequence[str]) -> None:
    """Do what `python -m` does with these variables and arguments, in this process."""
    gc.freeze()  # else the collector would write to, and so copy, all preloaded memory
    for name in own_modules():
        del sys.modules[name]  # stages import the project as it is now
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()  # else every fork would draw the same numbers
    of_caller = search_path()
    always = [path for path in sys.path[not sys.flags.safe_path :] if path not in of_caller]
    os.environ.update(variables)
    here = [] if os.environ.get("PYTHONSAFEPATH") else [str(Path.cwd())]
    sys.path[:] = [*here, *search_path(), *always]
    sys.dont_write_bytecode = True  # DVC would hash it, where no .dvcignore reaches
    sys.argv = list(arguments)
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()


def search_path() -> list[str]:
    """The folders that PYTHONPATH names."""
    names = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [str(Path(name).absolute()) for name in names if name]
