"""A copy of the project in a git repository of its own, to run the real DVC in."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from click.testing import CliRunner
from dvc.repo import Repo
from ruamel.yaml import YAML

from grvae.use.cli import main
from tests.conftest import PROJECT, write_small_params

ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PYTHONPATH": str(PROJECT),
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "DVC_NO_ANALYTICS": "1",
    "OMP_NUM_THREADS": "1",  # the tests run on every core already
}
# Two small convolutions, so that a run takes a second.
RECIPE = {"hidden_sizes": [2, 4, 16], "decoder_sizes": [16, 32]}


class Repository:
    """A folder with git and DVC in it.

    What runs in this process does so for the sake of time: a command that imports DVC or torch
    takes seconds to start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end; returns what it printed."""
        result = subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert result.returncode == code, result.stdout
        return result.stdout

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Have this process be in the folder, as a command would be."""
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, ENVIRONMENT),
            warnings.catch_warnings(action="ignore", category=DeprecationWarning),  # DVC's own
        ):
            yield

    @contextlib.contextmanager
    def dvc(self) -> Iterator[Repo]:
        """DVC, in this process."""
        with self.inside(), Repo() as repo:
            yield repo

    def stale(self, *targets: str) -> list[str]:
        """The stages of which `dvc status` says that something has changed."""
        with self.dvc() as repo:
            return list(repo.status(targets))

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "test")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()


class Project(Repository):
    """A copy of the tracked files in a fresh git repository, or of another one as it is."""

    def __init__(self, folder: Path, like: Path | None = None) -> None:
        super().__init__(folder)
        if like:
            shutil.copytree(like, folder, symlinks=True)
            return
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.check_output(listing, cwd=PROJECT, text=True).splitlines():
            if (source := PROJECT / name).is_file() and not name.startswith(".dvc/tmp"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        (folder / "dvc.lock").unlink(missing_ok=True)
        write_small_params(folder / "params.yaml", RECIPE)
        self.run("git", "init", "--quiet")
        self.commit()

    def repro(self, *targets: str) -> list[str]:
        """Do what `grvae repro` does, in this process; returns the stages that ran."""
        with self.inside():
            result = CliRunner().invoke(main, ["repro", "-j", "1", *targets])
        assert result.exit_code == 0, result.output
        return ran(result.output)

    def set(self, **changes: object) -> None:
        """Change top-level parameters."""
        yaml = YAML()
        values = yaml.load(self.folder / "params.yaml")
        yaml.dump(values | changes, self.folder / "params.yaml")

    def metrics(self) -> Any:
        return json.loads(self.read("reports/summary.json"))


def ran(output: str) -> list[str]:
    """The stages that ran, as `dvc repro` and `grvae repro` say it."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
