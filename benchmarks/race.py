"""Quality against training time for the default recipes and the published one.

The seconds are those of `benchmarks.speed`, where both were timed side by side; the quality after
each epoch is that of real runs, on the validation split.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import click
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.pages import write_page
from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_json, load_table, save_table, write_atomically
from grvae.show.style import OKABE_ITO, as_percent, encode_png, styled

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


@styled
def draw_race(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy and error of each run against seconds, by variant."""
    figure = Figure(figsize=(8.3, 3.2), layout="constrained")
    for panel, (column, label) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        for colour, (variant, history) in zip(OKABE_ITO, histories.items(), strict=False):
            for number, (_, run) in enumerate(history.groupby("seed")):
                name = variant if number == 0 else None
                panel.plot(run["seconds"], run[column], color=colour, lw=1.1, label=name)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:,.0f}")
        if column == "validation_accuracy":
            panel.yaxis.set_major_formatter(as_percent)
        panel.set(xlabel="seconds of training", title=label)
        panel.legend()
    return figure


def standings(
    histories: Mapping[str, pd.DataFrame],
    measures: pd.DataFrame,
    costs: Mapping[str, Mapping[str, float]],
    accuracy: float,
) -> pd.DataFrame:
    """One row a recipe: what a run costs, when it reaches an accuracy, and where it ends."""
    rows = []
    for variant, history in histories.items():
        group = measures[measures["variant"] == variant]
        reached = [seconds_to(run, accuracy) for _, run in history.groupby("seed")]
        rows.append(
            {
                "variant": variant,
                "runs": len(group),
                "seconds": costs[variant]["run_seconds"],
                "time_ratio": costs["published"]["run_seconds"] / costs[variant]["run_seconds"],
                "argmax_accuracy": group["argmax_accuracy"].mean(),
                "argmax_accuracy_worst": group["argmax_accuracy"].min(),
                "lowest_recall": group["lowest_recall"].min(),
                "squared_error": group["squared_error_per_image"].mean(),
                "reached": sum(seconds is not None for seconds in reached),
                "seconds_to_accuracy": median(
                    math.inf if seconds is None else seconds for seconds in reached
                ),
            }
        )
    return pd.DataFrame(rows)


@click.command(cls=StageCommand)
@paths("speed", "curves", "runs", "trials", "histories", "quoted")
@paths("figure", "table", "markdown")
def race(
    speed: Path,
    curves: Path,
    runs: Path,
    trials: Path,
    histories: Path,
    quoted: Path,
    figure: Path,
    table: Path,
    markdown: Path,
) -> None:
    """Draw quality against time, and tell when each recipe reaches the quoted accuracy.

    The pipeline's own runs are in `--runs` and `--curves`; those of the published recipe are among
    `--trials`, each with its history below `--histories`.
    """
    costs, accuracy = load_json(speed)["costs"], load_json(quoted)["headline"]["argmax_accuracy"]
    published = load_table(trials).rename(columns={"trial": "variant"})
    published = published[published["variant"] == "published"]
    theirs = [
        load_table(histories / f"published-{seed}.csv").assign(variant="published", seed=seed)
        for seed in published["seed"]
    ]
    epochs = pd.concat([load_table(curves), *theirs])
    timed = {
        str(variant): pd.concat(
            with_seconds(run, costs[variant]) for _, run in group.groupby("seed")
        )
        for variant, group in epochs.groupby("variant", sort=False)
        if variant in costs
    }
    recipes = standings(timed, pd.concat([load_table(runs), published]), costs, accuracy)
    write_atomically(figure, encode_png(draw_race(timed)))
    save_table(table, recipes)
    write_page(markdown, {"accuracy": accuracy, "rows": recipes.to_dict("records")})


if __name__ == "__main__":
    race()
