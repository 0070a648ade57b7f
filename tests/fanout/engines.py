"""Real engines on this machine's loopback, each started for a test and stopped by it."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from tests.conftest import PROJECT

# Of the SSH node, and its group. It exists there only, and no other process of pytest has the same.
NODE_USER = 100_000 + os.getpid()
INSTALLING = Path(tempfile.gettempdir()) / "grvae-installing.lock"
SLURM = ("slurmctld", "slurmd", "slurm-client", "munge")


def need(packages: tuple[str, ...], program: str) -> None:
    """Install what only root can start; skip where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip(f"{program} is started by root only")
    install(packages, program)


def install(packages: tuple[str, ...], program: str) -> None:
    """Install Debian packages unless the program is there; skip where that cannot be."""
    if shutil.which(program):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip(f"no {program}, and no Debian, or no root, to install it")
    command = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with INSTALLING.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second apt-get would fail at once
        for each in (["apt-get", "update", "--quiet"], command):
            if shutil.which(program):
                return  # another process of pytest has just installed it
            result = subprocess.run(each, capture_output=True, text=True, env=quiet)
            if result.returncode != 0:
                pytest.skip(f"no {program}, and Debian does not give it: {result.stderr.strip()}")


def free_port() -> int:
    """A port that nobody listens on, and that for a minute nobody gets who asks for any port.

    For so long the system remembers a connection that the port's side has closed first.
    """
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
        server.accept()[0],
    ):
        return int(server.getsockname()[1])


def wait_for(true, seconds: float = 300):
    """Wait until a function returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < deadline, f"{true} was in vain"
        time.sleep(0.2)
    return result


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(*command: str, log: Path, **options) -> Iterator[subprocess.Popen[str]]:
    """A process that is stopped in the end, with all that it started."""
    with log.open("a") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=output, text=True, start_new_session=True,
            **{"stdout": output} | options,
        )  # fmt: skip
    try:
        yield process
    finally:
        children = []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        for child in [process, *children]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.communicate()


@contextlib.contextmanager
def dask_script(code: str, folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The address that a script prints which has started a cluster."""
    (folder / "cluster.py").write_text(code)
    with running(
        sys.executable, "cluster.py",
        log=folder / "cluster.log", cwd=folder, env=environment, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        address = process.stdout.readline().strip()
        assert address, (folder / "cluster.log").read_text()
        yield address
        if process.poll() is None:
            process.communicate("\n", timeout=300)


SLURM_CONF = """\
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


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """A SLURM of two nodes of one core; yields the variables under which its commands find it."""
    need(SLURM, "slurmctld")
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir()
    (folder / "munge" / "key").write_bytes(os.urandom(128))
    (folder / "munge" / "key").chmod(0o400)
    conf = folder / "slurm.conf"
    host, ports = socket.gethostname().split(".")[0], [free_port() for _ in range(3)]
    conf.write_text(SLURM_CONF.format(host=host, folder=folder, ports=ports))
    variables = {"SLURM_CONF": str(conf), "DASK_JOBQUEUE__SLURM__INTERFACE": "lo"}
    environment, log = os.environ | variables, folder / "slurm.log"
    munge = [f"--{name}={folder}/munge/{name}" for name in ("socket", "pid-file", "log-file")]
    munge += [f"--key-file={folder}/munge/key", f"--seed-file={folder}/munge/seed"]
    with contextlib.ExitStack() as stack:
        for command in (
            ["munged", "--foreground", "--force", *munge],
            ["slurmctld", "-D", "-c"],
            ["slurmd", "-D", "-N", "n1"],
            ["slurmd", "-D", "-N", "n2"],
        ):
            stack.enter_context(running(*command, log=log, env=environment))
        idle = ["sinfo", "--noheader", "--Node", "--states=idle"]

        def both_idle() -> bool:
            result = subprocess.run(idle, env=environment, capture_output=True, text=True)
            return len(result.stdout.splitlines()) == 2

        try:
            wait_for(both_idle)
            yield variables
        finally:
            # Jobs are no children of this process, and outlive the daemons.
            with contextlib.suppress(AssertionError):
                wait_for(lambda: not jobs_of(conf), 60)
            for process in jobs_of(conf):
                with contextlib.suppress(psutil.Error):
                    process.kill()


def jobs_of(conf: Path) -> list[psutil.Process]:
    """What runs in the jobs of the SLURM with this configuration."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if "SLURM_JOB_ID" in environment and environment["SLURM_CONF"] == str(conf):
                found.append(process)
    return found


SSHD_CONF = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
"""

SSH_CONF = """\
Host head node1 node2
  HostName 127.0.0.1
  Port {port}
  User worker
  IdentityFile {folder}/key
  UserKnownHostsFile {folder}/known_hosts
"""


@contextlib.contextmanager
def ssh_nodes(folder: Path) -> Iterator[dict[str, str]]:
    """An SSH server that is `head`, `node1` and `node2`, with a user that this machine has not.

    Yields:
        The variables under which a client finds them.
    """
    need(("openssh-server",), "/usr/sbin/sshd")
    if (
        subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).returncode
        != 0
    ):
        pytest.skip("the server's user would need a mount, and none can be made here")
    home, port = folder / "home", free_port()
    home.mkdir()
    os.chown(home, NODE_USER, NODE_USER)
    for name in ("host_key", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "config").write_text(SSH_CONF.format(folder=folder, port=port))
    (folder / "sshd.conf").write_text(SSHD_CONF.format(folder=folder, port=port))
    passwd = f"worker:*:{NODE_USER}:{NODE_USER}::{home}:/bin/sh\n"
    (folder / "passwd").write_text(Path("/etc/passwd").read_text() + passwd)
    (folder / "hosts").write_text("127.0.0.1 localhost head node1 node2\n")
    mounts = [f"mount --bind {folder / name} /etc/{name}" for name in ("passwd", "hosts")]
    start = ["mkdir -p /run/sshd", f"exec /usr/sbin/sshd -D -e -f {folder}/sshd.conf"]
    script = "\n".join(["set -e", *mounts, *opened(folder), *start])
    with running("unshare", "--mount", "sh", "-c", script, log=folder / "sshd.log"):
        wait_for(lambda: listens(port))
        try:
            yield {"HOME": str(folder)}
        finally:
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.uids().real == NODE_USER:
                        process.kill()


def opened(folder: Path) -> Iterator[str]:
    """Commands that let the node's user reach this Python, also in a folder closed to others."""
    needed = {Path(sys.prefix), Path(sys.base_prefix), PROJECT}
    closed = {
        path: next((p for p in [*reversed(path.parents), path] if not p.stat().st_mode & 1), None)
        for path in needed
    }
    for number, (path, parent) in enumerate(closed.items()):
        if parent is not None:
            yield f"mkdir {folder}/mount{number} && mount --bind {path} {folder}/mount{number}"
    for parent in {parent for parent in closed.values() if parent is not None}:
        yield f"mount -t tmpfs -o mode=755 none {parent}"
    for number, (path, parent) in enumerate(closed.items()):
        if parent is not None:
            yield f"mkdir -p {path} && mount --move {folder}/mount{number} {path}"


def listener(address: str) -> psutil.Process:
    """The process that answers at an address of this machine."""
    port = int(address.rpartition(":")[2])
    return next(
        psutil.Process(connection.pid)
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    )


@contextlib.contextmanager
def disk_of(size: str, folder: Path) -> Iterator[Path]:
    """A file system of its own in a folder."""
    image, disk = folder / "disk.image", folder / "disk"
    disk.mkdir()
    make = f"truncate -s {size} {image} && mkfs.ext4 -q {image} && mount -o loop {image} {disk}"
    if os.geteuid() != 0 or subprocess.run(["sh", "-c", make]).returncode != 0:
        pytest.skip("a file system is mounted by root only, and not in every container")
    try:
        yield disk
    finally:
        # Also where a test has left it busy.
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextlib.contextmanager
def hanging(stop: str, go: str) -> Iterator[None]:
    """Let something hang for three seconds of every four, by these commands."""
    loop = f"while {stop} && sleep 3 && {go} && sleep 1; do :; done"
    with contextlib.ExitStack() as stack:
        stack.callback(subprocess.run, ["sh", "-c", go], stderr=subprocess.DEVNULL)
        stack.enter_context(running("sh", "-c", loop, log=Path(os.devnull)))
        yield


def hanging_disk(disk: Path) -> contextlib.AbstractContextManager[None]:
    """Whoever writes to it waits."""
    return hanging(f"fsfreeze -f {disk}", f"fsfreeze -u {disk}")
