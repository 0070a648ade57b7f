"""A pipeline of the same shape as the real one whose stages take milliseconds."""

import subprocess
from pathlib import Path

from tests import project
from tests.conftest import write_small_params

# Independent of whether the `grvae` script is installed.
GRVAE = ("python", "-m", "grvae.use.cli")
DVC = ("python", "-m", "dvc")
ENVIRONMENT = project.ENVIRONMENT

GRAPH = """\
vars:
  - toy.yaml
stages:
  download:
    cmd: python stage.py data.txt
    deps:
      - stage.py
    outs:
      - data.txt
  train:
    matrix:
      variant: ${rows}
      seed: ${columns}
    cmd: python stage.py runs/${item.variant}/${item.seed}/model.txt data.txt
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
    cmd: >-
      python stage.py runs/${item.variant}/${item.seed}/measures.txt
      runs/${item.variant}/${item.seed}/model.txt
    deps:
      - stage.py
      - runs/${item.variant}/${item.seed}/model.txt
    outs:
      - runs/${item.variant}/${item.seed}/measures.txt
  summarise:
    cmd: python stage.py summary.txt
    deps:
      - stage.py
      - runs
    outs:
      - summary.txt:
          cache: false
"""

TOY = """\
scale: 1
rows:
  - a
  - b
columns:
  - 0
"""

STAGE = """\
import pathlib, sys

out = pathlib.Path(sys.argv[1])
parts = [pathlib.Path(name).read_text() for name in sys.argv[2:]]
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text("".join([*parts, f"{out}\\n"]))
"""


class Toy:
    """A small project in a repository of its own, and the commands that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.run("git", "init", "--quiet")
        self.run(*DVC, "init", "--quiet")
        self.write("dvc.yaml", GRAPH)
        self.write("toy.yaml", TOY)
        write_small_params(self.folder / "params.yaml")
        self.write("stage.py", STAGE)
        self.write(".gitignore", "/runs/\n/data.txt\n/checkpoints/\n/logs/\n")
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "test")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def prepend(self, code: str) -> None:
        """Let every stage begin with this code; uncommitted."""
        self.write("stage.py", f"{code}\n{STAGE}")

    def lock(self) -> bytes:
        return (self.folder / "dvc.lock").read_bytes()

    def run(self, *command: str, code: int = 0, **environment: str) -> str:
        """Run a command to its end; returns what it printed."""
        result = subprocess.run(
            command, cwd=self.folder, env=project.warm_environment() | environment, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert result.returncode == code, result.stdout
        return result.stdout

    def grvae(self, *arguments: str, code: int = 0, **environment: str) -> str:
        return self.run(*GRVAE, "repro", *arguments, code=code, **environment)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `grvae repro` in a process group of its own."""
        return subprocess.Popen(
            [*GRVAE, "repro", *arguments], cwd=self.folder, env=ENVIRONMENT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip


def ran(output: str) -> list[str]:
    """The stages that the caller's DVC says it ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
