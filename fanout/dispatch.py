"""The caller's side: from `dvc status` over the workers to the final `dvc repro`."""

import contextlib
import logging
import os
import queue
import re
import signal
import ssl
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click
import dask
from distributed import Client, Future, LocalCluster

from fanout.guard import start_guarded
from fanout.lock import take
from fanout.mend import mend, tell
from fanout.pipeline import (
    DVC,
    MAIN_FILE,
    Unit,
    ask_dvc,
    plan,
    plan_units,
    read_graph,
    read_stale,
    split_upstream,
)
from fanout.progress import Progress
from fanout.snapshot import Snapshot, take_snapshot
from fanout.worker import (
    Job,
    Outcome,
    Remote,
    kill,
    meeting_place,
    run_unit,
    stop_job,
    versions,
)
from grvae.base.errors import GrvaeError

# No unit waits behind another one while a worker is idle.
QUEUE_ON_SCHEDULER = {"distributed.scheduler.worker-saturation": 1.0}
CONNECT_TIMEOUT = "5s"
# Ctrl-C reaches all processes of a terminal; the workers end when the caller tells them.
IGNORE_INTERRUPT = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
REFRESH_SECONDS = 1.0
STOP_SECONDS = 10  # that dvc gets to end tidily

ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?[^/:]+:\d+|((tcp|tls|ws|wss)://)?\[[^]]+\]:\d+")
CERTIFICATES = ("ca-file", "client.cert")
# What Dask raises, besides errors of its own, where it cannot start: no loopback, a preload that
# does not exist, certificates that do not fit.
CANNOT_START = (OSError, ValueError, TypeError, RuntimeError, ImportError)

# Settings of DVC's remotes that open something.
SECRETS = {
    "access_key_id", "account_key", "account_name", "client_secret", "connection_string",
    "gdrive_client_secret", "gdrive_service_account_json_file_path", "oss_key_id",
    "oss_key_secret", "password", "sas_token", "secret_access_key", "session_token", "token",
}  # fmt: skip

Settings = Mapping[str, str]  # of DVC, by their dotted names


@dataclass(frozen=True)
class Workers:
    """Which workers to use.

    Attributes:
        processes: how many to start on this machine, if there is no scheduler.
        scheduler: the address of a Dask scheduler that has its own.
        threads: of each stage's process.
    """

    processes: int
    scheduler: str | None
    threads: int


def reproduce(folder: Path, file: str, workers: Workers, via_remote: bool) -> None:
    """Bring a whole pipeline up to date, what can run side by side on the workers.

    Args:
        folder: the project.
        file: the pipeline's dvc.yaml, as seen from the project's folder.
        workers: where to run.
        via_remote: exchange results through DVC's default remote, not through its cache folder.

    Raises:
        GrvaeError: a stage, DVC or the cluster failed. What was finished is in the run-cache.
    """
    if workers.scheduler is not None:
        check_address(workers.scheduler)
    with only_caller(folder):
        for record in mend(folder):
            click.echo(tell(record), err=True)
        settings = read_settings(folder)
        remote = default_remote(settings) if via_remote else None
        pull = ["--pull"] if via_remote else []
        graph = read_graph(folder)
        upstream, apart = split_upstream(graph, file)
        if upstream:
            run_dvc(folder, "repro", *pull, *upstream)
        if units := plan_units(graph, apart, read_stale(folder)):
            snapshot = take_snapshot(folder)
            outcomes = fan_out(folder, units, snapshot, workers, settings, remote)
            changed = snapshot.differences(take_snapshot(folder))
            if changed:
                click.echo(
                    f"Changed while the workers ran: {', '.join(changed)}. "
                    "The workers used the files as they were.",
                    err=True,
                )
            if any(outcome.problem for outcome in outcomes):
                # If the cause is being mended already, DVC would run the others once more.
                fail(folder, outcomes, pull, take_in=[] if changed else apart)
        run_dvc(folder, "repro", *pull, file)


def tell_plan(folder: Path, file: str, workers: Workers) -> None:
    """Print what `reproduce` would run where; nothing is run or changed."""
    if workers.scheduler is None:
        number, where = workers.processes, "of this machine"
    else:
        check_address(workers.scheduler)
        with connect(folder, workers) as client:
            number, where = count_workers(client), f"at {workers.scheduler}"
    graph = read_graph(folder)
    first, units, last = plan(graph, file, read_stale(folder))
    processes = "process" if number == 1 else "processes"
    parts = {
        "Here, first": first,
        f"On {number} {processes} {where}, one line each": [unit.name for unit in units],
        "Here, in the end": last,
    }
    for title, lines in parts.items():
        if lines:
            click.echo("\n  ".join([f"{title}:", *lines]))
    if not any(parts.values()):
        click.echo("Nothing to run: the pipeline is up to date.")


def check_project(folder: Path, file: str) -> None:
    """Refuse to start where there is no such pipeline.

    Raises:
        GrvaeError: the folder is not a project's, or has no such pipeline.
    """
    if not (folder / ".dvc").is_dir():
        raise GrvaeError(f"no DVC project in {folder}: run this in the project's folder")
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        raise GrvaeError(f"no git repository in {folder}, which DVC needs: make one (`git init`)")
    if Path(file).name != MAIN_FILE or not (folder / file).is_file():
        raise GrvaeError(f"pipeline: got {file!r}, should be a {MAIN_FILE} of this project")


def fail(folder: Path, outcomes: list[Outcome], pull: list[str], take_in: list[str]) -> NoReturn:
    """Say what failed; before, restore those of the given stages that did not.

    A plain `dvc repro` would run what failed once more.
    """
    done = {stage for outcome in outcomes if not outcome.problem for stage in outcome.unit.stages}
    if targets := [stage for stage in take_in if stage in done]:
        run_dvc(folder, "repro", *pull, "--single-item", *targets)
    failed = [outcome.unit.name for outcome in outcomes if outcome.problem]
    raise GrvaeError(
        f"{len(failed)} of {len(outcomes)} failed, the others are done: {'; '.join(failed)}"
    )


@contextlib.contextmanager
def only_caller(folder: Path) -> Iterator[None]:
    """Refuse a second fan-out from the same workspace."""
    with take(folder / ".dvc" / "tmp" / "grvae-repro.lock") as held:
        if held is None:
            raise GrvaeError("another `grvae repro` is at work in this folder")
        yield


def run_dvc(folder: Path, *arguments: str) -> None:
    """Run a dvc command that writes to the terminal; it and its stages end when this process does.

    Raises:
        GrvaeError: it failed, and has said why.
    """
    process = start_guarded([*DVC, *arguments], folder)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        raise
    finally:
        kill(process)
    if code != 0:
        raise GrvaeError(f"`dvc {arguments[0]}` failed, see above")


def fan_out(
    folder: Path,
    units: list[Unit],
    snapshot: Snapshot,
    workers: Workers,
    settings: Settings,
    remote: str | None,
) -> list[Outcome]:
    """Run all units on the workers; returns how each ended."""
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(connect(folder, workers))
        name = f"grvae-{uuid.uuid4().hex}"
        exchange = stack.enter_context(open_exchange(folder, units, snapshot.archive, name, remote))
        job = Job(
            name,
            folder,
            snapshot.identity,
            exchange,
            settings_for_workers(settings, remote),
            workers.threads,
            versions(),
        )
        return run_units(client, units, job)


@contextlib.contextmanager
def connect(folder: Path, workers: Workers) -> Iterator[Client]:
    """A client of the given scheduler, or of one started here with its workers."""
    logging.disable(
        logging.CRITICAL
    )  # Dask's tracebacks: what they mean for the user is said below
    with contextlib.ExitStack() as stack:
        try:
            if workers.scheduler is not None:
                client = stack.enter_context(find_scheduler(workers.scheduler))
            else:
                cluster = stack.enter_context(start_workers(folder, workers.processes))
                client = stack.enter_context(Client(cluster, set_as_default=False))
        except CANNOT_START as error:
            raise GrvaeError(f"Dask does not start: {root_cause(error)}") from error
        yield client


def check_address(address: str) -> None:
    """Refuse what cannot be a scheduler's address, before anything runs."""
    if not ADDRESS.fullmatch(address):
        raise GrvaeError(f"--scheduler: got {address!r}, should be like tcp://10.0.0.1:8786")
    certificates = [dask.config.get(f"distributed.comm.tls.{name}") for name in CERTIFICATES]
    if address.startswith("tls:") and not all(
        name and Path(name).exists() for name in certificates
    ):
        raise GrvaeError(
            f"--scheduler: got {address!r} and, as certificates, {certificates}; "
            "set these to files: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "..__TLS__CLIENT__CERT and ..__TLS__CLIENT__KEY"
        )


def find_scheduler(address: str) -> Client:
    """A client of a cluster that somebody else has started."""
    try:
        return Client(address, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError | ssl.SSLError):
            raise  # a certificate of ours
        raise GrvaeError(f"no Dask scheduler answers at {address}") from error


@contextlib.contextmanager
def start_workers(folder: Path, processes: int) -> Iterator[LocalCluster]:
    """A scheduler on this machine, and its workers."""
    with (
        dask.config.set(QUEUE_ON_SCHEDULER),
        LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            memory_limit=None,
            dashboard_address=None,
            local_directory=str(folder / ".dvc" / "tmp"),
            silence_logs=logging.ERROR,
            preload=[IGNORE_INTERRUPT],
            security=True,  # or any user of this machine could run code as this one
        ) as cluster,
    ):
        yield cluster


def root_cause(error: BaseException) -> str:
    """What an error says that others may have wrapped."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def open_exchange(
    folder: Path, units: list[Unit], archive: bytes, job: str, remote: str | None
) -> Iterator[Path | Remote]:
    """Where workers find the project and their inputs, and leave their results."""
    if remote is not None:
        run_dvc(folder, "push", *sorted({name for unit in units for name in unit.inputs}))
        yield Remote(remote, archive)
        return
    cache = Path(ask_dvc(folder, "cache", "dir").strip())
    path = meeting_place(cache, job)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive)
    except OSError as error:
        raise GrvaeError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield cache
    finally:
        path.unlink(missing_ok=True)


def read_settings(folder: Path) -> Settings:
    """All settings of the project's DVC, of whichever level; paths in them are absolute."""
    return dict(line.split("=", 1) for line in ask_dvc(folder, "config", "--list").splitlines())


def default_remote(settings: Settings) -> str:
    """The name of the remote that DVC uses unless told otherwise."""
    if "core.remote" not in settings:
        raise GrvaeError("--via-remote needs a default remote: `dvc remote add -d`")
    return settings["core.remote"]


def settings_for_workers(settings: Settings, remote: str | None) -> Settings:
    """Those that a worker's DVC shares; credentials are not sent, a worker has its own."""
    return {
        name: value
        for name, value in settings.items()
        if name == "core.hardlink_lock"
        or (name.startswith("cache.") and name != "cache.dir")
        or (name.startswith(f"remote.{remote}.") and name.rpartition(".")[2] not in SECRETS)
    }


def run_units(client: Client, units: list[Unit], job: Job) -> list[Outcome]:
    """Submit all units and follow them to their end.

    Raises:
        GrvaeError: the connection to the scheduler was lost.
    """
    events: queue.SimpleQueue[str | Future[Outcome]] = queue.SimpleQueue()
    client.subscribe_topic(job.name, lambda event: events.put(event[1]))
    # All at once, so that Dask sees how many they are and hands them out one by one.
    keys = [(f"run-{job.name}", number) for number in range(len(units))]
    waiting = dict(zip(client.map(run_unit, units, job=job, key=keys), units, strict=True))
    for future in waiting:
        future.add_done_callback(events.put)
    outcomes = []
    try:
        with Progress(len(units)) as progress:
            while waiting:
                progress.refresh(count_workers(client))
                with contextlib.suppress(queue.Empty):
                    event = events.get(timeout=REFRESH_SECONDS)
                    if isinstance(event, str):
                        progress.start(event)
                    elif not event.cancelled():  # as all are when the connection is lost
                        outcomes.append(outcome_of(event, waiting.pop(event)))
                        progress.finish(outcomes[-1])
    except BaseException:
        stop(client, list(waiting), job)
        raise
    return outcomes


def count_workers(client: Client) -> int:
    """How many units can run at a time.

    Raises:
        GrvaeError: the scheduler does not answer.
    """
    try:
        return sum(client.nthreads().values())
    except OSError as error:
        raise GrvaeError(
            "the Dask scheduler is gone; what was finished is kept, run the same command to go on"
        ) from error


def outcome_of(future: Future[Outcome], unit: Unit) -> Outcome:
    """How a unit ended; an error here is one of the worker or of Dask, not of a stage."""
    if future.status == "finished":
        return future.result()
    error = future.exception()
    return Outcome(unit, 0.0, f"{type(error).__name__}: {error}")


def stop(client: Client, futures: list[Future[Outcome]], job: Job) -> None:
    """Let nothing more start, and kill what runs on the workers."""
    with contextlib.suppress(OSError, TimeoutError):  # the scheduler may be gone
        client.cancel(futures)
        client.run(stop_job, job.name, on_error="ignore")
