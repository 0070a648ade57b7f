"""How far a call is: one line an event, and on a terminal a bar."""

import time
from collections import defaultdict

from tqdm import tqdm

SHOWN_LOG_LINES = 20


class Progress:
    """Counts stages, and estimates the time left from those that have run."""

    def __init__(self, stages: int) -> None:
        self.started: dict[str, float] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)  # by the name before the row's
        self.stages, self.ended = stages, 0
        self.bar = tqdm(total=stages, unit="stage", disable=None)

    def show(self, line: str) -> None:
        """Show a line, above the bar."""
        self.bar.write(line)

    def start(self, name: str) -> None:
        """A stage has begun."""
        self.started[name] = time.monotonic()
        self.show(f"Running stage '{name}'")

    def end(self, name: str, outcome: str, waiting: list[str], slots: int) -> None:
        """A stage has ended, or there was nothing to run.

        Args:
            name: the stage.
            outcome: what became of it.
            waiting: the stages that have not begun.
            slots: how many run at a time.
        """
        self.ended += 1
        self.bar.update()
        if outcome == "unchanged":
            return
        if name in self.started:
            seconds = time.monotonic() - self.started.pop(name)
            if outcome == "done":
                self.seconds[kind(name)].append(seconds)
                outcome = f"done in {seconds:.0f} s"
        left = self.time_left(waiting, slots)
        self.show(f"[{self.ended}/{self.stages}] {name}: {outcome}{left}")

    def time_left(self, waiting: list[str], slots: int) -> str:
        """From the mean time of the rows that have run; nothing while one of a kind is missing."""
        now, total = time.monotonic(), 0.0
        for name in [*waiting, *self.started]:
            if not (times := self.seconds.get(kind(name))):
                return ""
            passed = now - self.started.get(name, now)
            total += max(0.0, sum(times) / len(times) - passed)
        minutes, seconds = divmod(round(total / slots), 60)
        return f"; about {minutes} min {seconds} s left" if total else ""


def kind(name: str) -> str:
    """The name of a matrix, from that of a row; or a stage's own."""
    return name.partition("@")[0]
