"""How far a fan-out is: a bar on a terminal, one line per event elsewhere."""

import time

import click
from tqdm import tqdm

from fanout.job import Outcome

SHOWN_LOG_LINES = 20


class Progress:
    """Counts what is done, running, waiting and failed, and shows it on standard error."""

    def __init__(self, units: int) -> None:
        self.units, self.workers = units, 0
        self.started: dict[str, float] = {}  # when each running unit was started
        self.seconds: list[float] = []  # of the units that are done
        self.failed = 0
        self.bar = tqdm(total=units, bar_format="{desc} |{bar}| {elapsed}", disable=None)

    def __enter__(self) -> "Progress":
        self.refresh(self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def start(self, name: str) -> None:
        """A worker has begun a unit, perhaps again after another worker died."""
        self.started[name] = time.monotonic()
        self.show(f"started: {name}")

    def finish(self, outcome: Outcome) -> None:
        """A unit has ended."""
        self.started.pop(outcome.unit.name, None)
        if outcome.problem is None:
            self.seconds.append(outcome.seconds)
            self.show(f"done in {outcome.seconds:.0f} s: {outcome.unit.name}")
        else:
            self.failed += 1
            log = [f"    {line}" for line in outcome.log[-SHOWN_LOG_LINES:]]
            self.show("\n".join([f"FAILED: {outcome.unit.name}: {outcome.problem}", *log]))
        self.bar.update()

    def show(self, event: str) -> None:
        """Show one event, and where that leaves us."""
        if self.bar.disable:
            click.echo(f"{event}\n  {self}", err=True)
        else:
            self.bar.write(event)
            self.refresh(self.workers)

    def refresh(self, workers: int) -> None:
        """Bring the bar up to date."""
        self.workers = workers
        self.bar.set_description_str(str(self))

    def __str__(self) -> str:
        done, running = len(self.seconds), len(self.started)
        waiting = self.units - done - running - self.failed
        counts = f"{done} done, {running} running, {waiting} waiting, {self.failed} failed"
        if self.workers == 0:
            return f"{counts}, no worker yet"
        return f"{counts}, {self.time_left(waiting)}"

    def time_left(self, waiting: int) -> str:
        """An estimate from the mean time of the units that are done."""
        if not self.seconds:
            return "time left unknown"
        mean, now = sum(self.seconds) / len(self.seconds), time.monotonic()
        started = sum(max(0.0, mean - (now - start)) for start in self.started.values())
        minutes, seconds = divmod(round((waiting * mean + started) / self.workers), 60)
        return f"about {minutes} min {seconds} s left" if minutes else f"about {seconds} s left"
