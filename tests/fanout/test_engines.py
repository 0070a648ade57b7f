"""The commands of docs/more-machines.md on real engines: same results as `dvc repro`."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import boto3
import psutil
import pytest
from ruamel.yaml import YAML

from tests import project
from tests.conftest import PROJECT
from tests.fanout.conftest import DVC, Toy
from tests.fanout.engines import (
    NODE_USER,
    dask_script,
    disk_of,
    free_port,
    hanging_disk,
    hanging_server,
    jobs_of,
    listens,
    running,
    s3,
    slurm,
    ssh_nodes,
    wait_for,
)
from tests.fanout.kills import (
    NOTES,
    Trainings,
    assert_done_by_workers,
    assert_tidy,
    assert_whole,
    calling,
    kill_worker_of,
    leave_notes,
    survive_kills,
)
from tests.project import Project

pytest.importorskip("distributed")

PAGE = (PROJECT / "docs" / "more-machines.md").read_text()
BLOCKS = re.findall(r"^```(?:sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
# What each block of the page is found by; all of them are run below.
ONE_MACHINE = "--dry"
CERTIFICATE = "openssl"
START_SCHEDULER = "dask scheduler"
START_WORKERS = "dask worker"
TLS_SCHEDULER = "--scheduler tls"
REMOTE = "s3://"
GROUP_CACHE = "install -d"
SSH_CLUSTER = "SSHCluster"
SLURM_CLUSTER = "SLURMCluster"
SCHEDULER = "--scheduler tcp"
CACHE = "dvc cache dir"


def block(word: str) -> str:
    """The first block of the page with a word."""
    return next(block for block in BLOCKS if word in block)


def test_every_command_of_the_page_is_run_by_a_test():
    words = [
        ONE_MACHINE,
        CERTIFICATE,
        START_SCHEDULER,
        START_WORKERS,
        TLS_SCHEDULER,
        REMOTE,
        GROUP_CACHE,
        SSH_CLUSTER,
        SLURM_CLUSTER,
        SCHEDULER,
        CACHE,
    ]
    assert {block(word) for word in words} == set(BLOCKS)


@pytest.fixture
def folder():
    """A folder that other users can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="grvae-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


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


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The dvc.lock that a plain `dvc repro` of the small pipeline leaves."""
    reference = small_project(tmp_path_factory.mktemp("expected") / "project")
    reference.run(*DVC, "repro")
    return read_lock(reference)


def run(folder: Path, script: str, **environment: str) -> str:
    """Run a script to its end; returns what it printed."""
    with calling(folder, script, **environment) as process:
        output, _ = process.communicate(timeout=3600)
    assert process.returncode == 0, output
    return output


@pytest.fixture
def trainings():
    """Those of the test, which notices them."""
    NOTES.mkdir()
    NOTES.chmod(0o1777)  # the workers may be other users
    yield Trainings()
    shutil.rmtree(NOTES)


@pytest.fixture
def disk(folder):
    """A disk for caller and workers to share."""
    with disk_of("512M", folder) as disk:
        yield disk


@pytest.fixture
def workers(folder):
    """Where the workers work, whoever they are; other folders than the caller's."""
    path = folder / "workers"
    path.mkdir()
    path.chmod(0o1777)
    return path


@pytest.mark.slow
def test_one_machine(folder, expected):
    caller = small_project(folder / "project")
    assert_done_by_workers(run(caller.folder, block(ONE_MACHINE)), here={"download"})
    assert read_lock(caller) == expected
    assert (caller.folder / "logs" / "routed-1.json").exists()


@pytest.mark.slow
def test_slurm_survives_kills_and_a_disk_that_hangs(folder, disk, workers, trainings, expected):
    caller = small_project(folder / "project")
    run(caller.folder, block(CACHE).replace("/shared/grvae-cache", f"{disk}/cache"))
    with slurm(folder) as variables:
        environment = project.ENVIRONMENT | variables | {"DASK_TEMPORARY_DIRECTORY": str(workers)}

        def cluster():
            return dask_script(block(SLURM_CLUSTER), folder, environment)

        def lose_node(training: psutil.Process) -> None:
            job = training.environ()["SLURM_JOB_ID"]
            for process in jobs_of(Path(variables["SLURM_CONF"])):
                if process.environ()["SLURM_JOB_ID"] == job:
                    process.kill()

        survive_kills(
            caller,
            lambda address: block(SCHEDULER).replace("tcp://head:8786", address),
            cluster,
            trainings,
            lambda: hanging_disk(disk),
            lose_node,
        )
    assert read_lock(caller) == expected
    assert_tidy(disk / "cache")


@pytest.mark.slow
def test_ssh_to_another_user_survives_kills_and_a_disk_that_hangs(
    folder, disk, workers, trainings, expected
):
    caller = small_project(folder / "project")
    script = block(GROUP_CACHE).replace("GROUP", str(NODE_USER))
    run(caller.folder, script.replace("/shared/grvae-cache", f"{disk}/cache"))
    with ssh_nodes(folder) as variables:
        environment = project.ENVIRONMENT | variables | {"DASK_TEMPORARY_DIRECTORY": str(workers)}

        def cluster():
            code = block(SSH_CLUSTER).replace("8786", str(free_port()))
            return dask_script(code, folder, environment)

        survive_kills(
            caller,
            lambda address: block(SCHEDULER).replace("tcp://head:8786", address),
            cluster,
            trainings,
            lambda: hanging_disk(disk),
        )
    assert {note.stat().st_uid for note in trainings.notes()} == {NODE_USER}
    assert read_lock(caller) == expected
    assert_tidy(disk / "cache")


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: Path, **environment: str):
    """The scheduler and the two workers that the page starts by hand; yields the address."""
    port = free_port()

    def start(word):
        script = block(word).replace("head", "127.0.0.1").replace("8786", str(port))
        return running(
            *shlex.split(script), log=folder / "dask.log", env=project.ENVIRONMENT | environment
            | {"DASK_TEMPORARY_DIRECTORY": str(workers)},
        )  # fmt: skip

    with start(START_SCHEDULER):
        wait_for(lambda: listens(port))
        with start(START_WORKERS):
            yield f"tls://127.0.0.1:{port}"


def certify(folder: Path) -> dict[str, str]:
    """Make a certificate as the page does; returns the variables that it sets."""
    output = run(folder, f"{block(CERTIFICATE)}\nenv", HOME=str(folder))
    lines = [line.partition("=") for line in output.splitlines()]
    return {name: value for name, _, value in lines if name.startswith("DASK_DISTRIBUTED__COMM")}


@pytest.mark.slow
def test_tls_and_a_killed_worker(folder, workers, trainings, expected):
    caller = small_project(folder / "project")
    variables = certify(folder)
    assert len(variables) == 8
    trainings.hold()
    with dask_cluster(folder, workers, **variables) as address:
        script = block(TLS_SCHEDULER).replace("tls://head:8786", address)
        with calling(caller.folder, script, **variables) as process:
            training, _ = trainings.next(2, process)
            kill_worker_of(training)
            trainings.release()
            output, _ = process.communicate(timeout=3600)
        assert process.returncode == 0, output
        assert_done_by_workers(output, here={"download"})
    assert read_lock(caller) == expected


@pytest.mark.slow
def test_s3_as_all_that_caller_and_workers_share_survives_kills_and_hangs(
    folder, workers, trainings, expected
):
    caller, certificate = small_project(folder / "project"), certify(folder)
    add_remote, call = block(REMOTE).splitlines()
    run(caller.folder, add_remote)
    with s3(folder) as variables:
        environment = variables | certificate
        survive_kills(
            caller,
            lambda address: call.replace("tcp://head:8786", address),
            lambda: dask_cluster(folder, workers, **environment),
            trainings,
            lambda: hanging_server(variables["AWS_ENDPOINT_URL"]),
            **environment,
        )
        remote = boto3.session.Session(
            variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"]
        ).resource("s3", endpoint_url=variables["AWS_ENDPOINT_URL"])
        objects = remote.Bucket("bucket").objects.filter(Prefix="grvae/files/md5/")
        assert_whole((each.key, each.get()["Body"].read()) for each in objects)
    assert read_lock(caller) == expected


@pytest.fixture
def small_disk(folder):
    """A file system of 40 MB."""
    if os.geteuid() != 0:
        pytest.skip("a file system is mounted by root only")
    disk = folder / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(disk)]
    if subprocess.run(options).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # also where a test left it busy


LARGE = """\
import atexit, pathlib, sys

def enlarge():
    with pathlib.Path(sys.argv[1]).open("a") as file:
        file.write("x" * 8_000_000)

if sys.argv[1] != "summary.txt":
    atexit.register(enlarge)
"""


@pytest.mark.slow
def test_full_shared_disk_is_told_and_with_room_the_same_command_goes_on(tmp_path, small_disk):
    reference, toy = Toy(tmp_path / "reference"), Toy(tmp_path / "toy")
    for each in (reference, toy):
        each.prepend(LARGE)
    reference.run(*DVC, "repro")
    run(toy.folder, block(CACHE).replace("/shared/grvae-cache", f"{small_disk}/cache"))
    (small_disk / "filler").write_bytes(bytes(40 << 20))
    output = toy.grvae("-j", "2", code=1)
    assert "No space left on device" in output
    assert "Traceback" not in output
    (small_disk / "filler").unlink()
    output = toy.grvae("-j", "2", code=1)  # room for the data and some of the results
    assert "No space left on device" in output
    assert "Traceback" not in output
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    toy.grvae("-j", "2")
    assert toy.lock() == reference.lock()
