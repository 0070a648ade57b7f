"""The cluster of docs/more-machines.md on a real SLURM of two nodes; a worker is killed."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.fanout.toy import ended, worker_of
from tests.project import ENVIRONMENT

pytest.importorskip("dask_jobqueue")
pytestmark = pytest.mark.slow
PAGE = (PROJECT / "docs" / "more-machines.md").read_text()
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmctldPort={ports[0]}
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 RealMemory=8000
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm():
    """The environment of the commands of a SLURM with two nodes of one core."""
    if os.geteuid() != 0:
        pytest.skip("SLURM is started by root only")
    if not shutil.which("slurmctld"):
        subprocess.run(["apt-get", "update", "--quiet"], check=True)
        install = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends"]
        subprocess.run([*install, *PACKAGES], check=True)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for part in ("state", "spool", "munge"):
            (folder / part).mkdir()
        (folder / "munge" / "key").write_bytes(os.urandom(128))
        (folder / "munge" / "key").chmod(0o400)
        with contextlib.ExitStack() as sockets:  # open together, so that no port comes twice
            servers = [
                sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)
            ]
            ports = [server.getsockname()[1] for server in servers]
        host = socket.gethostname().split(".")[0]
        (folder / "slurm.conf").write_text(CONF.format(host=host, folder=folder, ports=ports))
        variables = ENVIRONMENT | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "DASK_JOBQUEUE__SLURM__INTERFACE": "lo",
        }
        files = {"socket": "socket", "pid-file": "pid", "log-file": "log", "key-file": "key"}
        files["seed-file"] = "seed"
        munge = [f"--{option}={folder}/munge/{file}" for option, file in files.items()]
        for command in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D", "-c"],
            ["slurmd", "-D", "-N", "n1"],
            ["slurmd", "-D", "-N", "n2"],
        ):
            daemon = subprocess.Popen(
                command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(daemon.wait)
            stack.callback(daemon.terminate)
        idle = ["sinfo", "--noheader", "--Node", "--states=idle"]
        deadline = time.monotonic() + 120
        while len(subprocess.run(idle, env=variables, capture_output=True).stdout.splitlines()) < 2:
            assert time.monotonic() < deadline, (folder / "controller.log").read_text()
            time.sleep(0.5)
        yield variables


@pytest.fixture
def scheduler(slurm, tmp_path):
    """The address that the page's lines print."""
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env=slurm, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    yield process.stdout.readline().strip()
    process.communicate("\n", timeout=120)


def test_lock_is_that_of_dvc_repro_though_a_worker_is_killed(toy, scheduler):
    toy.hang("runs/b/0/model.txt")
    process = toy.start("--scheduler", scheduler)
    stage = toy.hanging()
    worker_of(stage).kill()
    assert ended(stage, 20)
    toy.release()
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    lock = toy.read("dvc.lock")
    toy.run("dvc", "repro", "--force", "--no-run-cache")
    assert toy.read("dvc.lock") == lock
