"""A pipeline with a stage of every kind, each of which takes milliseconds."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import psutil
from dvc.repo import Repo

from fanout.__main__ import main
from tests.project import ENVIRONMENT, Repository

FANOUT = (sys.executable, "-m", "fanout")
GRAPH = """\
vars:
  - toy.yaml
stages:
  summarise:  # before what it needs, which an order by dvc.yaml would not notice
    cmd: PYTHONSAFEPATH= python -m stage summary.txt
    deps:
      - runs/a/0/model.txt
      - frozen.txt
    outs:
      - summary.txt:
          cache: false
  download:
    cmd: python -m stage data.txt
    deps:
      - stage.py
    outs:
      - data.txt
  train:
    matrix:
      variant: ${rows}
      seed: ${columns}
    cmd: python -m stage runs/${item.variant}/${item.seed}/model.txt data.txt
    deps:
      - stage.py
      - data.txt
    params:
      - toy.yaml:
          - scale
    outs:
      - runs/${item.variant}/${item.seed}/model.txt
  evaluate:
    matrix:
      variant: ${rows}
      seed: ${columns}
    cmd:
      - mkdir -p measures
      - cat runs/${item.variant}/${item.seed}/model.txt > measures/${item.variant}-${item.seed}.txt
      - echo "$DVC_STAGE" >> measures/${item.variant}-${item.seed}.txt
    deps:
      - runs/${item.variant}/${item.seed}/model.txt
    metrics:
      - measures/${item.variant}-${item.seed}.txt:
          cache: false
  freeze:
    cmd: exit 1
    frozen: true
    deps:
      - stage.py
    outs:
      - frozen.txt:
          cache: false
"""
STAGE = """\
import multiprocessing, os, pathlib, sys

out = pathlib.Path(sys.argv[1])
parts = [pathlib.Path(name).read_text() for name in sys.argv[2:]]
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("".join([*parts, f"{out} {os.environ['DVC_STAGE']}\\n"]))
print(os.environ["OMP_NUM_THREADS"], pathlib.Path.cwd(), sys.path[0])
print("forked" if multiprocessing.parent_process() else "started")
if "numpy.random" in sys.modules:  # preloaded
    print(sys.modules["numpy.random"].random())
"""
# A stage that says where it is, and waits to be killed or let go.
WAIT = """\
import os, pathlib, sys, time

marks = pathlib.Path({marks!r})
if sys.argv[1] == {out!r} and not (marks / "go").exists():
    (marks / "here").write_text(str(os.getpid()))
    while not (marks / "go").exists():
        time.sleep(0.05)
"""


class Toy(Repository):
    """A small DVC project, and the fan-out in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.here, self.go = folder.parent / "here", folder.parent / "go"

    def create(self) -> "Toy":
        """Write and commit it; nothing has run."""
        self.folder.mkdir()
        self.run("git", "init", "--quiet")
        with self.inside():
            Repo.init().close()
        self.write("dvc.yaml", GRAPH)
        self.write("toy.yaml", "scale: 1\nrows:\n- a\n- b\ncolumns:\n- 0\n- 1\n")
        self.write("stage.py", STAGE)
        self.write("frozen.txt", "made elsewhere\n")
        self.write(".gitignore", "/runs/\n")
        self.commit()
        return self

    def before(self, code: str) -> None:
        """Let every stage begin with this code; uncommitted."""
        self.write("stage.py", f"{code}\n{STAGE}")

    def recorded(self) -> list[str]:
        """The stages that dvc.lock has, in its order."""
        return re.findall(r"^  (\w.*):$", self.read("dvc.lock"), re.MULTILINE)

    def set(self, **values: object) -> None:
        settings = {"scale": 1, "rows": ["a", "b"], "columns": [0, 1]} | values
        self.write("toy.yaml", "".join(f"{name}: {value}\n" for name, value in settings.items()))

    def fan_out(self, *arguments: str, code: int = 0) -> str:
        """Run the fan-out in this process; returns what it printed."""
        printed = io.StringIO()
        with self.inside(), redirect_stdout(printed), redirect_stderr(printed):
            assert main(arguments) == code, printed.getvalue()
        return printed.getvalue()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the fan-out in a process group of its own."""
        return subprocess.Popen(
            [*FANOUT, *arguments], cwd=self.folder, env=ENVIRONMENT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def hang(self, out: str) -> None:
        """Let the stage that writes a file wait first, until `release`."""
        self.before(WAIT.format(out=out, marks=str(self.folder.parent)))

    def hanging(self) -> psutil.Process:
        """The process of the stage that waits, as soon as it does."""
        deadline = time.monotonic() + 120
        while not (self.here.exists() and self.here.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return psutil.Process(int(self.here.read_text()))

    def release(self) -> None:
        """Let it go on, or not wait again."""
        self.go.touch()


def ended(process: psutil.Process, seconds: float = 2) -> bool:
    """Whether a process ends so soon. An orphan that nobody has reaped has ended, too."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def interrupt(process: subprocess.Popen[str]) -> None:
    """What Ctrl-C does."""
    os.killpg(process.pid, signal.SIGINT)


def worker_of(stage: psutil.Process) -> psutil.Process:
    """The Dask worker that runs a stage, below its nanny."""
    return next(p for p in stage.parents() if p.cmdline()[0].startswith("dask worker ["))
