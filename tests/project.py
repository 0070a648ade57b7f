"""A copy of the project in a git repository of its own, to run the real DVC in."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ruamel.yaml import YAML

from fanout.guard import kill
from fanout.warm import MODULES, start
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
            env=environment or warm_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert result.returncode == code, result.stdout
        return result.stdout

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


@cache
def warm_python() -> Path:
    """The folder of a `python` and a `dvc` that start at once; see `fanout.warm`."""
    folder = Path(tempfile.mkdtemp(prefix="python-"))
    server = start_warm(folder)
    atexit.register(shutil.rmtree, folder)
    atexit.register(kill, server)
    return folder


def start_warm(folder: Path) -> subprocess.Popen[str]:
    """Start a server for whoever has `ENVIRONMENT`; returns when it has imported all."""
    with patch.dict(os.environ, ENVIRONMENT, clear=True):
        server = start(folder)
    wait_until_warm(folder, ENVIRONMENT)
    return server


def wait_until_warm(folder: Path, environment: Mapping[str, str]) -> None:
    """Wait until a server of `fanout.warm` has imported all that it will."""
    (folder / "seen.py").write_text("import sys; print(*sys.modules)")
    command, deadline = [str(folder / "python"), "-m", "seen"], time.monotonic() + 60
    while (
        MODULES[-1]
        not in subprocess.check_output(command, cwd=folder, env=environment, text=True).split()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def warm_environment() -> dict[str, str]:
    """The same environment, but stages start at once.

    They do not get signals, and have not the rights and limits of whoever starts them.
    """
    return ENVIRONMENT | {"PATH": os.pathsep.join([str(warm_python()), ENVIRONMENT["PATH"]])}


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
