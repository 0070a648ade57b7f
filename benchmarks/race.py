"""Quality against training time for the default recipe and the published one.

The seconds are those of `benchmarks.speed`, where both were timed side by side; the quality after
each epoch is that of real runs, on the validation split.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from grvae.figures import OKABE_ITO, STYLE, encode_png
from grvae.storage import load_json, load_table, save_json, write_atomically
from stages.command import PATH, StageCommand

PANELS = {
    "validation_accuracy": "argmax accuracy, validation split",
    "validation_squared_error": "squared error per image, validation split",
}


def with_seconds(history: pd.DataFrame, cost: Mapping[str, float]) -> pd.DataFrame:
    """A history with the seconds of training that had passed at the end of each epoch."""
    seconds = {phase: cost[f"{phase}_epoch_seconds"] for phase in ("joint", "decoder")}
    return history.assign(seconds=history["phase"].map(seconds).cumsum())


def seconds_to(history: pd.DataFrame, accuracy: float) -> float | None:
    """Seconds of training after which the validation accuracy is first reached; None if never."""
    reached = history[history["validation_accuracy"] >= accuracy]
    return None if reached.empty else float(reached["seconds"].iloc[0])


def draw_race(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy and error of each run against seconds, by variant."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.3, 3.2), layout="constrained")
        for panel, (column, label) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
            for colour, (variant, history) in zip(OKABE_ITO, histories.items(), strict=False):
                for number, (_, run) in enumerate(history.groupby("seed")):
                    name = variant if number == 0 else None
                    panel.plot(run["seconds"], run[column], color=colour, lw=1.1, label=name)
            panel.set_xscale("log")
            panel.set(xlabel="seconds of training", title=label)
            panel.legend()
        return figure


@click.command(cls=StageCommand)
@click.option("--speed", "speed_file", type=PATH, required=True)
@click.option("--curves", "curves_file", type=PATH, required=True)
@click.option("--published-history", "published_file", type=PATH, required=True)
@click.option("--quoted", "quoted_file", type=PATH, required=True, help="Published numbers.")
@click.option("--figure", "figure_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def race(
    speed_file: Path,
    curves_file: Path,
    published_file: Path,
    quoted_file: Path,
    figure_file: Path,
    out: Path,
) -> None:
    """Draw quality against time, and tell when each recipe reaches the published accuracy."""
    costs, headline = load_json(speed_file)["costs"], load_json(quoted_file)["headline"]
    curves = load_table(curves_file)
    histories = {
        "routed": curves[curves["variant"] == "routed"],
        "published": load_table(published_file).assign(seed=0),
    }
    results: dict[str, Any] = {}
    for variant, history in histories.items():
        runs = [with_seconds(run, costs[variant]) for _, run in history.groupby("seed")]
        histories[variant] = pd.concat(runs)
        results[variant] = {
            "runs": len(runs),
            "seconds": float(runs[0]["seconds"].iloc[-1]),
            "final_validation_accuracy": [
                float(run["validation_accuracy"].iloc[-1]) for run in runs
            ],
            "final_validation_squared_error": [
                float(run["validation_squared_error"].iloc[-1]) for run in runs
            ],
            "seconds_to_published_accuracy": [
                seconds_to(run, headline["argmax_accuracy"]) for run in runs
            ],
        }
    write_atomically(figure_file, encode_png(draw_race(histories)))
    save_json(out, results)


if __name__ == "__main__":
    race()
