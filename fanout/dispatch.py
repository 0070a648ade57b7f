"""The caller's side: from `dvc status` over the workers to the final `dvc repro`."""

import contextlib
import queue
import uuid
from pathlib import Path
from typing import NoReturn

import click
from distributed import Client, Future

from fanout.cluster import Workers, check_address, connect, count_workers
from fanout.commands import run_dvc
from fanout.exchange import (
    Settings,
    default_remote,
    open_exchange,
    read_settings,
    settings_for_workers,
)
from fanout.hidden import hidden_by, in_sight, only_caller
from fanout.job import Job, Outcome
from fanout.mend import mend, tell
from fanout.pipeline import (
    MAIN_FILE,
    Unit,
    plan,
    plan_units,
    read_graph,
    read_stale,
    split_upstream,
)
from fanout.progress import Progress
from fanout.snapshot import Snapshot, take_snapshot
from fanout.worker import run_unit, stop_job, versions
from grvae.base.errors import GrvaeError

REFRESH_SECONDS = 1.0


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
    with only_caller(folder), in_sight(folder, file):
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
    """Print what `reproduce` would run where; nothing is run."""
    if workers.scheduler is None:
        number, where = workers.processes, "of this machine"
    else:
        check_address(workers.scheduler)
        with connect(folder, workers) as client:
            number, where = count_workers(client), f"at {workers.scheduler}"
    # A look at a pipeline in sight disturbs no fan-out.
    lock = only_caller(folder) if hidden_by(folder, file) else contextlib.nullcontext()
    with lock, in_sight(folder, file):
        first, units, last = plan(read_graph(folder), file, read_stale(folder))
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
        exchange = stack.enter_context(
            open_exchange(folder, units, snapshot.archive, name, settings, remote)
        )
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


def run_units(client: Client, units: list[Unit], job: Job) -> list[Outcome]:
    """Submit all units and follow them to their end.

    Raises:
        GrvaeError: the connection to the scheduler was lost.
    """
    events: queue.SimpleQueue[str | Future[Outcome]] = queue.SimpleQueue()
    client.subscribe_topic(job.name, lambda event: events.put(event[1]))
    waiting = submit(client, units, job)
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


def submit(client: Client, units: list[Unit], job: Job) -> dict[Future[Outcome], Unit]:
    """Hand all units to Dask; those that gather others wait for them."""
    rows = [unit for unit in units if not unit.restores]
    # All at once, so that Dask sees how many they are and hands them out one by one.
    keys = [(f"run-{job.name}", number) for number in range(len(rows))]
    futures = dict(zip(client.map(run_unit, rows, job=job, key=keys), rows, strict=True))
    for number, unit in enumerate(unit for unit in units if unit.restores):
        before = [f for f, other in futures.items() if set(unit.restores) & set(other.stages)]
        future = client.submit(run_unit, unit, job, before, key=(f"gather-{job.name}", number))
        futures[future] = unit
    return futures


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
