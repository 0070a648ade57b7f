"""How much faster the fan-out is than `dvc repro`, and how many workers one scheduler can feed.

    python -m benchmarks.fanout speedup    # real runs, in copies of the project; minutes to an hour
    python -m benchmarks.fanout simulate   # runs replaced by sleeps; needs little CPU

What they find goes to reports/fanout/.
"""

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import click
import dask
import pandas as pd
from distributed import Client, Future, LocalCluster, get_worker
from matplotlib.figure import Figure
from ruamel.yaml import YAML

from benchmarks.pages import write_page
from fanout.cluster import LOCAL_SETTINGS
from fanout.snapshot import take_snapshot, unpack
from grvae.base.storage import load_json, save_json, save_table, write_atomically
from grvae.show.style import (
    GREY,
    OKABE_ITO,
    add_legend,
    as_percent,
    encode_png,
    make_panels,
    styled,
)

PROJECT = Path(__file__).resolve().parents[1]
REPORTS = PROJECT / "reports" / "fanout"
GRVAE = (sys.executable, "-m", "grvae.use.cli")
DVC = (sys.executable, "-m", "dvc")
VARIANTS = ("gated", "routed")
SPEED = PROJECT / "reports" / "benchmark" / "speed.json"
# Of the simulation.
SCALES = (1000, 300, 100, 20)  # divide a run's measured time by these
WORKERS = (1, 2, 4, 8, 16, 32, 64)
RUNS_PER_WORKER = 4


@click.group()
def benchmark() -> None:
    """Measure the fan-out."""


@benchmark.command()
@click.option("--seeds", type=click.IntRange(2), default=5, help="Each trains two variants.")
@click.option("--epochs", type=click.IntRange(1), help="Of both phases; else as in params.yaml.")
@click.option("--jobs", type=click.IntRange(1), default=2)
@click.option("--repeats", type=click.IntRange(1), default=1)
def speedup(seeds: int, epochs: int | None, jobs: int, repeats: int) -> None:
    """Time training and evaluation in two ways, each from nothing but the downloaded data.

    A process has one thread either way: convolutions train in one, for the sake of their bits.
    """
    ways = {
        "dvc repro": (*DVC, "repro"),
        f"grvae repro -j {jobs}": (*GRVAE, "repro", "-j", str(jobs)),
    }
    rows, locks = [], []
    for repeat, (way, command) in itertools.product(range(repeats), ways.items()):
        with tempfile.TemporaryDirectory(prefix="grvae-fanout-") as name:
            project = Path(name)
            copy_project(project, seeds, epochs)
            run((*DVC, "repro", "download"), project)
            start = time.perf_counter()
            run(command, project)
            seconds = time.perf_counter() - start
            logs = [load_json(path) for path in (project / "logs").glob("*.json")]
            training = sum(log["seconds"] for log in logs)
            # Parsed: DVC notes stages in the order in which they ran.
            locks.append(YAML(typ="safe").load(project / "dvc.lock"))
        load = os.getloadavg()[0]
        processes = 1 if way == "dvc repro" else jobs
        beside = (processes * seconds - training) / len(logs)
        rows.append(
            {"way": way, "repeat": repeat, "seconds": seconds, "beside": beside, "load": load}
        )
        click.echo(f"{way}: {seconds:.1f} s, {beside:.1f} s a run beside training, load {load:.1f}")
    if any(lock != locks[0] for lock in locks):
        raise click.ClickException("the ways gave different dvc.lock files")
    table = pd.DataFrame(rows)
    best = table.groupby("way", sort=False)["seconds"].min()
    fan_out = best.iloc[-1]
    summary = {
        "runs": len(VARIANTS) * seeds,
        "rounds": repeats,
        "epochs": epochs,
        "jobs": jobs,
        "cores": len(os.sched_getaffinity(0)),
        "seconds": best.to_dict(),
        "seconds_beside_training": table.groupby("way", sort=False)["beside"].min().to_dict(),
        "speedup": (best / fan_out).to_dict(),
        "efficiency": best.iloc[0] / fan_out / jobs,
    }
    save_table(REPORTS / "speedup.csv", table)
    save_json(REPORTS / "speedup.json", summary)
    write_page(REPORTS / "speedup.md", summary)
    click.echo(json.dumps(summary, indent=2))


def copy_project(folder: Path, seeds: int, epochs: int | None) -> None:
    """The project as it stands, with other parameters and nothing run, in its own repository.

    Its graph ends with `evaluate`: what follows runs one after the other anyway.
    """
    unpack(take_snapshot(PROJECT).archive, folder)
    (folder / "dvc.lock").unlink(missing_ok=True)
    yaml = YAML()
    values = yaml.load(folder / "params.yaml")
    values |= {"seeds": list(range(seeds)), "variants": list(VARIANTS)}
    if epochs is not None:
        values["recipe"] |= {"epochs": epochs, "decoder_epochs": epochs}
    yaml.dump(values, folder / "params.yaml")
    graph = yaml.load(folder / "dvc.yaml")
    stages = {name: graph["stages"][name] for name in ("download", "train", "evaluate")}
    yaml.dump({"stages": stages}, folder / "dvc.yaml")
    run(("git", "init", "--quiet"), folder)
    run(("git", "add", "--all"), folder)


def run(command: tuple[str, ...], folder: Path) -> None:
    """Run a command quietly, with one thread a process; its output is shown if it fails."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(PROJECT),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        raise click.ClickException(f"{' '.join(command[:4])} failed:\n{result.stdout}")


@benchmark.command()
def simulate() -> None:
    """Time a cluster whose runs only sleep: what is lost is the scheduler's share.

    The sleeps are as long as a measured `routed` run, divided by a scale. A run submits and reports
    as the real one does; what a real worker does for a run itself (unpacking, starting dvc) is not
    in it. Scheduler and workers are threads of this process, so the loss is an upper bound: on a
    cluster, each worker's part of it happens elsewhere.
    """
    measured = load_json(SPEED)["costs"]["routed"]["run_seconds"]
    rows = []
    for count in WORKERS:
        with cluster(count) as client:
            for scale in SCALES:
                length, runs = measured / scale, count * RUNS_PER_WORKER
                seconds = time_sleeps(client, length, runs)
                overhead = seconds / RUNS_PER_WORKER - length
                rows.append(
                    {
                        "workers": count,
                        "scale": scale,
                        "run_seconds": length,
                        "runs": runs,
                        "seconds": seconds,
                        "runs_per_second": runs / seconds,
                        "overhead_seconds_per_run": overhead,
                        "efficiency": length / (length + overhead),
                        "efficiency_at_full_length": measured / (measured + overhead),
                    }
                )
                click.echo(
                    f"{count:3d} workers, runs of {length:.3f} s: {runs / seconds:7.1f} runs/s, "
                    f"efficiency {rows[-1]['efficiency']:.2f}, {1000 * overhead:.0f} ms lost a run"
                )
    table = pd.DataFrame(rows)
    save_table(REPORTS / "simulation.csv", table)
    write_atomically(REPORTS / "simulation.png", encode_png(draw(table)))


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[Client]:
    """A scheduler and its workers, all in this process."""
    settings = {"processes": False, "threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set(LOCAL_SETTINGS),
        tempfile.TemporaryDirectory(prefix="grvae-fanout-") as folder,
        LocalCluster(n_workers=workers, local_directory=folder, **settings) as local,
        Client(local, set_as_default=False) as client,
    ):
        yield client


def time_sleeps(client: Client, length: float, runs: int) -> float:
    """Seconds until all runs are reported, submitted and followed as `grvae repro` does it."""
    name = f"simulation-{uuid.uuid4().hex}"
    events: queue.SimpleQueue[str | Future[None]] = queue.SimpleQueue()
    client.subscribe_topic(name, lambda event: events.put(event[1]))
    start = time.perf_counter()
    keys = [(f"run-{name}", number) for number in range(runs)]
    futures = set(client.map(sleep, [length] * runs, topic=name, key=keys))
    for future in futures:
        future.add_done_callback(events.put)
    while futures:
        event = events.get()
        if not isinstance(event, str):
            event.result()
            futures.remove(event)
    return time.perf_counter() - start


def sleep(length: float, topic: str) -> None:
    """A run that takes time and no computing."""
    get_worker().log_event(topic, "started")
    time.sleep(length)


@styled
def draw(table: pd.DataFrame) -> Figure:
    """Efficiency and throughput against the number of workers, a line a length of the runs."""
    figure, (efficiency, throughput) = make_panels(2, height=3.4)
    for colour, (scale, rows) in zip(OKABE_ITO, table.groupby("scale"), strict=False):
        label = f"runs of {rows['run_seconds'].iloc[0]:.2g} s (1/{scale})"
        efficiency.plot(rows["workers"], rows["efficiency"], "o-", color=colour, label=label)
        throughput.plot(rows["workers"], rows["runs_per_second"], "o-", color=colour)
        lossless = rows["workers"] / rows["run_seconds"]
        throughput.plot(rows["workers"], lossless, ":", color=colour)
    most = table["runs_per_second"].max()
    throughput.axhline(most, color=GREY, linewidth=0.8)
    throughput.text(1, most, f"most: {most:.0f} runs/s", va="bottom", color=GREY)
    efficiency.set(ylabel="efficiency", ylim=(0, 1.05))
    throughput.set(ylabel="runs per second (dotted: without loss)", yscale="log")
    ticks = sorted(table["workers"].unique())
    for axes in (efficiency, throughput):
        axes.set(xlabel="workers", xscale="log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
    efficiency.yaxis.set_major_formatter(as_percent)
    add_legend(figure, efficiency)
    return figure


if __name__ == "__main__":
    benchmark()
