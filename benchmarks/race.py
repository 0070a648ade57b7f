"""Quality against training time for the default recipe and the published one.

The seconds are those of `benchmarks.speed`, where both were timed side by side; the quality after
each epoch is that of real runs, on the validation split.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
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


def summarise(
    speed: Mapping[str, Any], results: Mapping[str, Any], headline_accuracy: float
) -> str:
    """The paragraph that the README shows."""
    ours, theirs = speed["costs"]["routed"], speed["costs"]["published"]
    (published_at,) = results["published"]["seconds_to_published_accuracy"]
    routed_at = median(results["routed"]["seconds_to_published_accuracy"])
    (accuracy,) = results["published"]["final_validation_accuracy"]
    (error,) = results["published"]["final_validation_squared_error"]
    reached = "never reached" if published_at is None else f"reached after {published_at:,.0f} s"
    sentences = [
        f"Timed in turns in one process with {speed['threads']} threads ({speed['rounds']} rounds, "
        f"medians), a routed run takes {ours['run_seconds']:.1f} s of training steps and "
        f"{ours['run_flops'] / 1e12:.2f} TFLOP, a published one {theirs['run_seconds']:,.0f} s and "
        f"{theirs['run_flops'] / 1e12:.0f} TFLOP: **{speed['time_ratio']:.0f} times the time**.",
        f"The routed training step runs at {ours['matmul_share']:.0%} of the rate of its own "
        f"matrix products, the published one at {theirs['matmul_share']:.0%}.",
        f"One full published run (seed 0, {results['published']['epochs']} epochs, through this "
        f"code) ended at {accuracy:.1%} and {error:.1f} on the validation split; the post's "
        f"accuracy of {headline_accuracy:.2%} it {reached}, ours after {routed_at:.1f} s (median "
        f"over {results['routed']['runs']} seeds).",
    ]
    return "\n".join(sentences) + "\n"


@click.command(cls=StageCommand)
@click.option("--speed", "speed_file", type=PATH, required=True)
@click.option("--curves", "curves_file", type=PATH, required=True)
@click.option("--published-history", "published_file", type=PATH, required=True)
@click.option("--quoted", "quoted_file", type=PATH, required=True, help="Published numbers.")
@click.option("--figure", "figure_file", type=PATH, required=True)
@click.option("--summary", "summary_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def race(
    speed_file: Path,
    curves_file: Path,
    published_file: Path,
    quoted_file: Path,
    figure_file: Path,
    summary_file: Path,
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
            "epochs": int(runs[0]["epoch"].iloc[-1]),
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
    summary = summarise(load_json(speed_file), results, headline["argmax_accuracy"])
    write_atomically(summary_file, summary.encode())


if __name__ == "__main__":
    race()
