"""The commands of docs/more-machines.md on clusters of nodes: same results as `dvc repro`."""

from pathlib import Path

import psutil
import pytest

from tests import project
from tests.fanout.engines import (
    NODE_USER,
    dask_script,
    free_port,
    hanging_disk,
    jobs_of,
    slurm,
    ssh_nodes,
)
from tests.fanout.kills import assert_done_by_workers, assert_tidy, survive_kills
from tests.fanout.page import (
    BLOCKS,
    CACHE,
    CERTIFICATE,
    GROUP_CACHE,
    ONE_MACHINE,
    SCHEDULER,
    SLURM_CLUSTER,
    SSH_CLUSTER,
    START_SCHEDULER,
    START_WORKERS,
    TLS_SCHEDULER,
    block,
    read_lock,
    run,
    small_project,
)

pytest.importorskip("distributed")


def test_every_command_of_the_page_is_run_by_a_test():
    words = [
        ONE_MACHINE,
        CERTIFICATE,
        START_SCHEDULER,
        START_WORKERS,
        TLS_SCHEDULER,
        GROUP_CACHE,
        SSH_CLUSTER,
        SLURM_CLUSTER,
        SCHEDULER,
        CACHE,
    ]
    assert {block(word) for word in words} == set(BLOCKS)


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
