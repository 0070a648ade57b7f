"""The command: what `dvc repro` does, with independent stages side by side."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fanout.job import THREADS_VARIABLES, FanoutError, Workers
from fanout.resources import count_cores, free_memory, processes_that_fit

INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


def main(
    arguments: Sequence[str] | None = None,
    program: str = "fanout",
    preload: Sequence[str] = (),
    memory_per_job: float | None = None,
) -> int:
    """Run the command.

    Args:
        arguments: those of the command line if not given.
        program: the name under which it is called.
        preload: modules that most stages import, those first that must be imported first.
        memory_per_job: the bytes that a stage needs at most.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        program, description="What `dvc repro` does, with independent stages side by side."
    )
    add = parser.add_argument
    add("targets", metavar="PIPELINE", nargs="*", help="as for dvc repro; if none, dvc.yaml")
    add("-j", "--jobs", type=positive, help="processes; if not given, one a core")
    add("--threads", type=positive, default=1, help="of each process; one if not given")
    add("--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler")
    add("--dry", action="store_true", help="only show what is stale")
    add("--preload", metavar="MODULE", nargs="+", default=preload, help="import these only once")
    add("--memory", metavar="GB", type=float, help="start no more processes than fit, of this size")
    options = parser.parse_args(arguments)
    if options.jobs and options.scheduler:
        parser.error("--jobs starts processes here, --scheduler uses those of a cluster")
    if options.memory:
        memory_per_job = options.memory * 1e9
    # Libraries read these when they are loaded, in processes that are started from this one.
    os.environ.update(dict.fromkeys(THREADS_VARIABLES, str(options.threads)))
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        return reproduce(options, memory_per_job)
    except FanoutError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept: the same command goes on.", file=sys.stderr)
        return INTERRUPTED


def positive(text: str) -> int:
    """A number of things."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, should be 1 or more")
    return int(text)


def reproduce(options: argparse.Namespace, memory_per_job: float | None) -> int:
    """Bring the targets up to date, or say what is stale; returns the exit code."""
    from fanout.pipeline import open_pipeline  # DVC takes a second to import
    from fanout.schedule import Run

    with open_pipeline(options.targets or ["dvc.yaml"]) as pipeline:
        if options.dry:
            for title, names in zip(
                ("Would run:", "Would follow, if what they need changes:"),
                pipeline.stale(),
                strict=True,
            ):
                print("\n  ".join([title, *(names or ["nothing"])]))
            return 0
        run = Run(pipeline, choose_workers(options, memory_per_job, pipeline.root))
        run.run()
    if run.failed:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in run.failed.items())
        count = f"{len(run.failed)} of {len(pipeline.stages)} stages failed"
        raise FanoutError(f"{count}, {len(run.blocked)} wait for them: {reasons}")
    return 0


def choose_workers(
    options: argparse.Namespace, memory_per_job: float | None, root: Path
) -> Workers:
    """Those of a cluster, or as many processes here as are asked for and fit."""
    if options.scheduler is not None:
        from fanout.cluster import ClusterWorkers

        return ClusterWorkers(options.scheduler, options.threads, root)
    from fanout.local import LocalWorkers

    processes = options.jobs or max(1, count_cores() // options.threads)
    if memory_per_job:
        free = free_memory()
        processes = processes_that_fit(processes, memory_per_job, free)
        size = f"{memory_per_job / 1e9:.1f} GB each, of {free / 1e9:.1f} GB free"
        print(f"{processes} process{'es' * (processes > 1)}, {size}")
    return LocalWorkers(processes, options.preload)


if __name__ == "__main__":
    sys.exit(main())
