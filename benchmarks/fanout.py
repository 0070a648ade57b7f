"""How much faster `grvae repro` is than `dvc repro`, and what either computes besides training.

    python -m benchmarks.fanout --params params.yaml --table reports/fanout/speedup.csv \
        --summary reports/fanout/speedup.json --markdown reports/fanout/speedup.md

Both run the committed pipeline from nothing but the downloaded images, by turns in each round,
with one thread a process. On a machine that has other work the numbers say nothing.
"""

import ctypes
import difflib
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import pandas as pd

from benchmarks.pages import write_page
from fanout.resources import count_cores
from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_json, save_json, save_table
from grvae.params import load_params

PROJECT = Path(__file__).resolve().parents[1]
DVC = (sys.executable, "-m", "dvc")
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h: descendants without a parent become this process's


@click.command(cls=StageCommand)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
@paths("params", "table", "summary", "markdown")
def benchmark(
    rounds: int, jobs: int, params: Path, table: Path, summary: Path, markdown: Path
) -> None:
    """Time the pipeline in two ways."""
    ways = {
        "dvc repro": (*DVC, "repro"),
        f"grvae repro -j {jobs}": (sys.executable, "-m", "grvae.use.cli", "repro", f"-j{jobs}"),
    }
    settings = load_params(params)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    rows, locks = [], set()
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        copy_project(ready, params)
        for number, (way, command) in itertools.product(range(rounds), ways.items()):
            project = Path(folder) / f"{way} {number}"
            shutil.copytree(ready, project, symlinks=True)
            seconds, cpu_seconds = measure(command, project)
            training = sum(load_json(log)["seconds"] for log in project.glob("logs/*.json"))
            locks.add((project / "dvc.lock").read_bytes())
            rows.append(
                {
                    "round": number,
                    "way": way,
                    "seconds": seconds,
                    "cpu_seconds": cpu_seconds,
                    "share_beside_training": 1 - training / cpu_seconds,
                    "load": os.getloadavg()[0],
                }
            )
            click.echo(f"{way}: {seconds:.0f} s, {rows[-1]['share_beside_training']:.1%} beside")
    if len(locks) > 1:
        first, second = (lock.decode().splitlines() for lock in sorted(locks)[:2])
        differing = list(difflib.unified_diff(first, second, lineterm="", n=1))[:20]
        raise click.ClickException("\n".join(["the locks differ:", *differing]))
    measured = pd.DataFrame(rows)
    medians = measured.groupby("way", sort=False).median()
    alone, together = medians["seconds"]
    save_table(table, measured)
    found = {
        "runs": len(settings.variants) * len(settings.seeds),
        "dataset": settings.dataset,
        "rounds": rounds,
        "jobs": jobs,
        "cores": count_cores(),
        "ways": medians[["seconds", "cpu_seconds", "share_beside_training"]].to_dict("index"),
        "speedup": alone / together,
        "efficiency": alone / together / jobs,
    }
    save_json(summary, found)
    write_page(markdown, found)


def copy_project(folder: Path, params: Path) -> None:
    """A clone of the present commit, with these parameters, no results and the images."""
    subprocess.check_call(["git", "clone", "--quiet", PROJECT, folder])
    shutil.copy(params, folder / "params.yaml")
    (folder / "dvc.lock").unlink()
    measure((*DVC, "repro", "download"), folder)
    (folder / "dvc.lock").unlink()  # in which DVC would leave this stage the first


def measure(command: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Run a command in a project; gives its seconds, and the CPU seconds of all its processes."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(folder),
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    before, start = cpu_seconds_of_children(), time.perf_counter()
    result = subprocess.run(
        command, cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if result.returncode != 0:
        raise click.ClickException(f"{' '.join(command)} failed:\n{result.stdout}")
    return seconds, cpu_seconds_of_children() - before


def cpu_seconds_of_children() -> float:
    """Of all descendants that have ended, after waiting for those whose parent did not."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    benchmark()
