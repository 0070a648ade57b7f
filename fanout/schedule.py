"""The loop: start what can run, record what has ended, and name what failed."""

import time
from collections.abc import Mapping

from fanout.job import Job, Workers
from fanout.pipeline import DVC_ERRORS, Pipeline, quote
from fanout.progress import SHOWN_LOG_LINES, Progress

LOOK_SECONDS = 1.0
LOCK_SECONDS = 30.0  # a rewrite takes DVC half a second; after a kill the run-cache has the rest
NOT_STARTED = "not started: it needs "


def run_stages(pipeline: Pipeline, workers: Workers, progress: Progress) -> Mapping[str, str]:
    """Run what is stale, each stage as soon as what it needs is done.

    Returns:
        The stages that failed or were not started, and why.
    """
    run = Run(pipeline, workers, progress)
    try:
        while run.waiting or run.running:
            run.start()
            run.wait()
    finally:
        workers.stop()
        for name in run.running:
            pipeline.end(name, "stopped")
        pipeline.write_locks()
        progress.bar.close()
    return run.failed


class Run:
    """The stages of one call, by what has become of them."""

    def __init__(self, pipeline: Pipeline, workers: Workers, progress: Progress) -> None:
        self.pipeline, self.workers, self.progress = pipeline, workers, progress
        self.waiting = list(pipeline.stages)
        self.running: dict[str, Job] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.written = time.monotonic()

    def start(self) -> None:
        """Start stages until there is no slot, or none that can start."""
        slots = self.workers.slots()
        for name in list(self.waiting):
            if len(self.running) >= slots:
                return
            needs = self.pipeline.needs[name]
            if lacking := sorted(needs & self.failed.keys()):
                self.waiting.remove(name)
                self.fail(name, NOT_STARTED + ", ".join(lacking))
            elif needs <= self.done:
                self.waiting.remove(name)
                self.begin(name)

    def begin(self, name: str) -> None:
        """Start one stage, or note that nothing is to be run."""
        try:
            outcome = self.pipeline.begin(name)
        except DVC_ERRORS as error:
            self.fail(name, quote(error))
        else:
            if isinstance(outcome, str):
                self.finish(name, outcome)
            else:
                self.running[name] = outcome
                self.progress.start(name)
                self.workers.start(outcome)

    def wait(self) -> None:
        """Wait a moment for stages that end, and record them."""
        if not self.running and not self.waiting:
            return
        for name, problem in self.workers.wait(LOOK_SECONDS).items():
            job = self.running.pop(name)
            error = problem and f"{problem}; see {job.log}"
            try:
                self.pipeline.end(name, problem)
            except DVC_ERRORS as dvc_error:
                error = f"{quote(dvc_error)}; see {job.log}"
            if error:
                lines = job.log.read_text(errors="replace").splitlines()[-SHOWN_LOG_LINES:]
                self.fail(name, "\n    ".join([error, *lines]))
            else:
                self.finish(name, "done")
        if self.pipeline.made and time.monotonic() - self.written > LOCK_SECONDS:
            self.pipeline.write_locks()
            self.written = time.monotonic()

    def finish(self, name: str, outcome: str) -> None:
        """Note that a stage is up to date."""
        self.done.add(name)
        self.progress.end(name, outcome, self.waiting, self.workers.slots())

    def fail(self, name: str, reason: str) -> None:
        """Note that a stage is not up to date, and why."""
        self.failed[name] = reason.splitlines()[0]
        self.progress.end(name, f"FAILED: {reason}", self.waiting, self.workers.slots())
