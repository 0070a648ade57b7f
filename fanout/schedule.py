"""The loop: start what can run, record what has ended, name what failed, and say how far it is."""

import os
import time
from collections.abc import Iterable

from tqdm import tqdm

from fanout.job import Job, Workers
from fanout.pipeline import DVC_ERRORS, Pipeline, quote

LOOK_SECONDS = 1.0
LOCK_SECONDS = 30.0  # a rewrite takes DVC half a second; after a kill the run-cache has the rest
SHOWN_LOG_LINES = 20


class Run:
    """One call: its stages, by what has become of them.

    Attributes:
        waiting: not yet looked at.
        running: with their jobs.
        started: when each began.
        done: up to date.
        failed: with the reason.
        blocked: never to be started, since they need a failed one.
    """

    def __init__(self, pipeline: Pipeline, workers: Workers) -> None:
        self.pipeline, self.workers = pipeline, workers
        self.waiting = list(pipeline.stages)
        self.running: dict[str, Job] = {}
        self.done: set[str] = set()
        self.failed: dict[str, str] = {}
        self.blocked: set[str] = set()
        self.started: dict[str, float] = {}
        self.written = time.monotonic()
        self.bar = tqdm(total=len(self.waiting), unit="stage", disable=None)

    def run(self) -> None:
        """Run what is stale, each stage as soon as what it needs is done."""
        self.pipeline.remove_dropped()
        try:
            while self.waiting or self.running:
                self.start()
                if self.waiting or self.running:
                    self.wait()
        finally:
            self.workers.stop()
            for name in self.running:
                self.pipeline.end(name, "stopped")
            self.pipeline.write_locks()
            self.bar.close()

    def start(self) -> None:
        """Start stages, in their order, until there is no slot or none that can start."""
        slots = self.workers.slots()
        for name in list(self.waiting):
            if len(self.running) >= slots:
                return
            needs = self.pipeline.needs[name]
            if lacking := sorted(needs & {*self.failed, *self.blocked}):
                self.waiting.remove(name)
                self.blocked.add(name)
                self.show(name, f"not started: it needs {', '.join(lacking)}")
            elif needs <= self.done:
                self.waiting.remove(name)
                self.begin(name)

    def begin(self, name: str) -> None:
        """Start one stage, or note that nothing is to be run."""
        try:
            job = self.pipeline.begin(name)
        except DVC_ERRORS as error:
            self.fail(name, quote(error))
            return
        if isinstance(job, str):
            self.finish(name, job)
        else:
            self.running[name] = job
            self.started[name] = time.monotonic()
            self.bar.write(f"Running stage '{name}'")
            self.workers.start(job)

    def wait(self) -> None:
        """Wait a moment for stages that end, and record them."""
        for name, problem in self.workers.wait(LOOK_SECONDS).items():
            job = self.running.pop(name)
            try:
                self.pipeline.end(name, problem)
            except DVC_ERRORS as error:
                problem = quote(error)
            if problem is None:
                seconds = time.monotonic() - self.started[name]
                self.finish(name, f"done in {seconds:.0f} s")
            else:
                log = job.log.read_text(errors="replace").splitlines()[-SHOWN_LOG_LINES:]
                self.fail(name, f"{problem}; see {os.path.relpath(job.log)}", log)
        if self.pipeline.made and time.monotonic() - self.written > LOCK_SECONDS:
            self.pipeline.write_locks()
            self.written = time.monotonic()

    def finish(self, name: str, outcome: str) -> None:
        """Note that a stage is up to date."""
        self.done.add(name)
        self.show(name, outcome, quiet=outcome == "unchanged")

    def fail(self, name: str, reason: str, log: Iterable[str] = ()) -> None:
        """Note that a stage is not up to date, and why."""
        self.failed[name] = reason
        self.show(name, "\n    ".join([f"FAILED: {reason}", *log]))

    def show(self, name: str, outcome: str, quiet: bool = False) -> None:
        """Show what became of a stage: a line, above the bar if there is one."""
        self.bar.update()
        ended = len(self.done) + len(self.failed) + len(self.blocked)
        if not quiet:
            self.bar.write(f"[{ended}/{len(self.pipeline.stages)}] {name}: {outcome}")
