"""A copy of the project in a git repository of its own, to run the real DVC in."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.conftest import PROJECT, write_small_params


class Project:
    """A copy of the tracked files in a fresh git repository, or of another one as it is."""

    def __init__(self, folder: Path, like: Path | None = None) -> None:
        self.folder = folder
        if like:
            shutil.copytree(like, folder, symlinks=True)
            return
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in tracked.stdout.splitlines():
            if (source := PROJECT / name).is_file() and not name.startswith(".dvc/tmp"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        (folder / "dvc.lock").unlink(missing_ok=True)
        write_small_params(folder / "params.yaml")
        self.run("git", "init", "--quiet")
        self.commit()

    def run(
        self, *command: str, code: int = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a command to its end; returns what it printed."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=environment or ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert result.returncode == code, result.stdout
        return result.stdout

    def repro(self, *arguments: str, code: int = 0) -> str:
        """Do what `dvc repro` does, sooner: stages are forked from what has imported torch."""
        command = (sys.executable, "-m", "grvae.use.cli", "repro", "-j", "1", *arguments)
        return self.run(*command, code=code)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "test")

    def set(self, **changes: object) -> None:
        """Change top-level parameters."""
        yaml = YAML()
        values = yaml.load(self.folder / "params.yaml")
        yaml.dump(values | changes, self.folder / "params.yaml")

    def metrics(self) -> Any:
        return json.loads((self.folder / "reports" / "summary.json").read_text())


ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "DVC_NO_ANALYTICS": "1",
    "OMP_NUM_THREADS": "1",  # the tests run on every core already
}


def ran(output: str) -> list[str]:
    """The stages that ran, as `dvc repro` and `grvae repro` say it."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
