"""What docs/more-machines.md says, block by block, and a small pipeline to try it on."""

import re
from pathlib import Path

from ruamel.yaml import YAML

from tests.conftest import PROJECT
from tests.fanout.kills import calling, leave_notes
from tests.project import Project

PAGE = (PROJECT / "docs" / "more-machines.md").read_text()
BLOCKS = re.findall(r"^```(?:sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# What each block of the page is found by; all of them are run below.
ONE_MACHINE = "--dry"
CERTIFICATE = "openssl"
START_SCHEDULER = "dask scheduler"
START_WORKERS = "dask worker"
TLS_SCHEDULER = "--scheduler tls"
GROUP_CACHE = "install -d"
SSH_CLUSTER = "SSHCluster"
SLURM_CLUSTER = "SLURMCluster"
SCHEDULER = "--scheduler tcp"
CACHE = "dvc cache dir"


def block(word: str) -> str:
    """The first block of the page with a word."""
    return next(block for block in BLOCKS if word in block)


def small_project(folder: Path) -> Project:
    """The project on the digits: two runs and what they need."""
    small = Project(folder)
    small.set(variants=["routed"])
    leave_notes(folder / "stages" / "train.py")
    yaml = YAML()
    graph = yaml.load(folder / "dvc.yaml")
    stages = {name: graph["stages"][name] for name in ("download", "train", "evaluate")}
    yaml.dump({"stages": stages}, folder / "dvc.yaml")
    return small


def read_lock(project: Project) -> bytes:
    return (project.folder / "dvc.lock").read_bytes()


def run(folder: Path, script: str, **environment: str) -> str:
    """Run a script to its end; returns what it printed."""
    with calling(folder, script, **environment) as process:
        output, _ = process.communicate(timeout=3600)
    assert process.returncode == 0, output
    return output
