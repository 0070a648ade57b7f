"""`grvae repro`: bring the pipeline up to date on several processes, or on a cluster."""

import os
from pathlib import Path

import click

from grvae.base.errors import GrvaeError

INTERRUPTED = 130  # the exit code of a command that Ctrl-C ended


@click.command()
@click.argument("pipeline", default="dvc.yaml")
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    help="Local processes; one a core that it may use if not given.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of this Dask scheduler.")
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Of each stage's process. They change its time, not its bits.",
)
@click.option(
    "--via-remote",
    is_flag=True,
    help="Exchange data through DVC's default remote: for workers that share no disk with you.",
)
@click.option("--dry", is_flag=True, help="Only show what would run where.")
def repro(
    pipeline: str,
    jobs: int | None,
    scheduler: str | None,
    threads: int,
    via_remote: bool,
    dry: bool,
) -> None:
    """Do what `dvc repro PIPELINE` does, but run the stages of a matrix side by side.

    The results are the same to the bit. Uncommitted changes and new files go to the workers too;
    files that git ignores do not.
    """
    if jobs is not None and scheduler is not None:
        raise click.UsageError("--jobs starts workers, --scheduler uses those of a cluster")
    import fanout.lock  # noqa: F401 - says so where the system has no locks

    try:
        import distributed  # noqa: F401 - optional
    except ModuleNotFoundError as error:
        raise GrvaeError("`grvae repro` needs Dask: pip install '.[cluster]'") from error
    from dask.system import cpu_count

    from fanout.cluster import Workers
    from fanout.dispatch import check_project, reproduce, tell_plan
    from grvae.params import load_params

    file = Path(os.path.normpath(pipeline)).as_posix()
    check_project(Path.cwd(), file)
    load_params(Path("params.yaml"))  # or every worker would find the same mistake
    try:
        workers = Workers(jobs or cpu_count(), scheduler, threads)  # affinity and cgroup count
        if dry:
            tell_plan(Path.cwd(), file, workers)
        else:
            reproduce(Path.cwd(), file, workers, via_remote)
    except KeyboardInterrupt as error:
        click.echo("Stopped. What was finished is kept: run the same command to go on.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from error
