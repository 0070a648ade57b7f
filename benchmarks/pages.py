"""Pages and figures of what was measured, each page filled from a template beside it."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import click
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from grvae.base.command import CommandGroup, StageCommand, paths
from grvae.base.storage import load_json, load_table, write_atomically
from grvae.measure.summary import COLLAPSED_RECALL
from grvae.show.markdown import load_template, render_template
from grvae.show.report import summaries
from grvae.show.style import (
    GREY,
    OKABE_ITO,
    as_percent,
    colours_of,
    encode_png,
    make_panels,
    styled,
)

# Below this share of the images a recipe is listed, but not drawn: the others would be one dot.
LOWEST_SHOWN = 0.9
MARKERS = ("o", "s")  # the second once the colours repeat


def write_page(page: Path, context: Mapping[str, Any]) -> None:
    """Write `NAME.md` from `NAME_template.md`."""
    template = load_template(page.with_name(f"{page.stem}_template.md"))
    write_atomically(page, render_template(template, context).encode())


@click.group(cls=CommandGroup, help=__doc__)
def main() -> None:
    """The commands below do all."""


@main.command(cls=StageCommand)
@paths("table", "markdown")
def seeds(table: Path, markdown: Path) -> None:
    """List what many seeds say of each recipe, and in how many runs a class collapsed."""
    runs = load_table(table)
    trials = runs.assign(on_gpu=runs["device"] != "cpu").groupby("trial")
    context = {
        "rows": summaries(runs),
        "family": trials["family"].first(),
        "mean": trials["argmax_accuracy"].mean(),
        "lowest": trials["argmax_accuracy"].min(),
        "on_gpu": trials["on_gpu"].sum(),
        "collapsed_recall": COLLAPSED_RECALL,
    }
    write_page(markdown, context)


@main.command(cls=StageCommand)
@paths("table", "figure", "markdown")
def front(table: Path, figure: Path, markdown: Path) -> None:
    """Draw accuracy against error, a dot a recipe, and list them."""
    recipes = (
        load_table(table)
        .groupby("trial", as_index=False, sort=False)
        .agg(
            family=("family", "first"),
            argmax_accuracy=("argmax_accuracy", "mean"),
            argmax_accuracy_low=("argmax_accuracy", "min"),
            argmax_accuracy_high=("argmax_accuracy", "max"),
            lowest_recall=("lowest_recall", "min"),
            squared_error_per_image=("squared_error_per_image", "mean"),
            squared_error_per_image_low=("squared_error_per_image", "min"),
            squared_error_per_image_high=("squared_error_per_image", "max"),
            cpu_seconds=("cpu_seconds", "mean"),
            runs=("seed", "size"),
        )
    )
    write_atomically(figure, encode_png(draw_front(recipes)))
    write_page(markdown, {"rows": recipes.to_dict("records")})


@styled
def draw_front(recipes: pd.DataFrame) -> Figure:
    """Wrong images against squared error, a dot a recipe; a line joins a family's best.

    Bars are from the lowest to the highest of a recipe's runs.

    Args:
        recipes: with `family`, and of both measures the mean, `_low` and `_high`.
    """
    figure, (panel,) = make_panels(1, height=4.6, width=8.3)
    x, y = "squared_error_per_image", "argmax_accuracy"
    drawn = recipes[recipes[y] > LOWEST_SHOWN]
    colours = colours_of(drawn["family"].unique())
    for place, (family, rows) in enumerate(drawn.groupby("family", sort=False)):
        best, colour = undominated(rows), colours[str(family)]
        marker = MARKERS[place // len(OKABE_ITO)]
        bars = [
            abs(rows[[f"{name}_low", f"{name}_high"]].sub(rows[name], axis=0)).T for name in (x, y)
        ]
        panel.errorbar(
            rows[x], 1 - rows[y], bars[1].iloc[::-1], bars[0],
            fmt=marker, ms=4, color=colour, alpha=0.5, lw=0.8,
        )  # fmt: skip
        panel.plot(best[x], 1 - best[y], marker=marker, ms=4, color=colour, lw=1, label=family)
    for error in recipes.loc[recipes["family"] == "no labels", x]:
        panel.axvline(error, color=GREY, ls="--", lw=1, label="no labels")
    panel.set(xlabel="squared error per validation image", ylabel="wrong validation images")
    panel.set(xscale="log", yscale="log")
    panel.xaxis.set_major_locator(FixedLocator([10, 11, 12, 14, 17, 20, 25]))
    panel.yaxis.set_major_locator(FixedLocator([0.01, 0.015, 0.02, 0.03, 0.05, 0.1]))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_minor_locator(FixedLocator([]))
    panel.xaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_major_formatter(as_percent)
    panel.legend()
    return figure


def undominated(recipes: pd.DataFrame) -> pd.DataFrame:
    """The recipes that read more than every recipe which loses no more, by rising error."""
    by_error = recipes.sort_values(
        ["squared_error_per_image", "argmax_accuracy"], ascending=[True, False]
    )
    so_far = by_error["argmax_accuracy"].cummax().shift(fill_value=-1.0)
    return by_error[by_error["argmax_accuracy"] > so_far]


@main.command(cls=StageCommand)
@paths("speed", "curves", "runs", "trials", "histories", "quoted", "figure", "markdown")
def race(
    speed: Path,
    curves: Path,
    runs: Path,
    trials: Path,
    histories: Path,
    quoted: Path,
    figure: Path,
    markdown: Path,
) -> None:
    """Draw quality against time, and tell when each recipe reaches the quoted accuracy.

    The seconds are those of `benchmarks.costs speed`; the quality after each epoch is that of real
    runs, on the validation split. The pipeline's own runs are in `--runs` and `--curves`; those of
    the published recipe are among `--trials`, each with its history below `--histories`.
    """
    costs, accuracy = load_json(speed)["costs"], load_json(quoted)["headline"]["argmax_accuracy"]
    published = load_table(trials).rename(columns={"trial": "variant"})
    published = published[published["variant"] == "published"]
    theirs = [
        load_table(histories / f"published-{seed}.csv").assign(variant="published", seed=seed)
        for seed in published["seed"]
    ]
    epochs = with_seconds(pd.concat([load_table(curves), *theirs]), costs)
    rows = standings(epochs, pd.concat([load_table(runs), published]), costs, accuracy)
    write_atomically(figure, encode_png(draw_race(epochs)))
    write_page(markdown, {"accuracy": accuracy, "rows": rows})


def with_seconds(epochs: pd.DataFrame, costs: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The epochs of the timed variants, with the seconds of training until the end of each."""
    epochs = epochs[epochs["variant"].isin(costs.keys())]
    of_each = [
        costs[variant][f"{phase}_epoch_seconds"]
        for variant, phase in zip(epochs["variant"], epochs["phase"], strict=True)
    ]
    seconds = epochs.assign(seconds=of_each).groupby(["variant", "seed"])["seconds"].cumsum()
    return epochs.assign(seconds=seconds)


def standings(
    epochs: pd.DataFrame,
    measures: pd.DataFrame,
    costs: Mapping[str, Mapping[str, float]],
    accuracy: float,
) -> list[dict[str, Any]]:
    """One row a recipe: what a run costs, when it reaches an accuracy, and where it ends."""
    rows = []
    for variant, history in epochs.groupby("variant", sort=False):
        group = measures[measures["variant"] == variant]
        seconds = costs[str(variant)]["run_seconds"]
        enough = history[history["validation_accuracy"] >= accuracy]
        reached = enough.groupby("seed")["seconds"].min().to_list()
        rows.append(
            {
                "variant": variant,
                "runs": len(group),
                "seconds": seconds,
                "time_ratio": costs["published"]["run_seconds"] / seconds,
                "argmax_accuracy": group["argmax_accuracy"].mean(),
                "argmax_accuracy_worst": group["argmax_accuracy"].min(),
                "lowest_recall": group["lowest_recall"].min(),
                "squared_error": group["squared_error_per_image"].mean(),
                "reached": len(reached),
                "seconds_to_accuracy": median(reached + [math.inf] * (len(group) - len(reached))),
            }
        )
    return rows


@styled
def draw_race(epochs: pd.DataFrame) -> Figure:
    """Accuracy and error of each run against seconds, by variant."""
    figure = Figure(figsize=(8.3, 3.2), layout="constrained")
    accuracy, error = figure.subplots(1, 2)
    colours = colours_of(epochs["variant"].unique())
    for variant, history in epochs.groupby("variant", sort=False):
        for place, (_, run) in enumerate(history.groupby("seed")):
            label = str(variant) if place == 0 else None
            style: dict[str, Any] = {"color": colours[str(variant)], "lw": 1.1, "label": label}
            accuracy.plot(run["seconds"], run["validation_accuracy"], **style)
            error.plot(run["seconds"], run["validation_squared_error"], **style)
    accuracy.yaxis.set_major_formatter(as_percent)
    accuracy.set_title("argmax accuracy, validation split")
    error.set_title("squared error per image, validation split")
    for panel in (accuracy, error):
        panel.set(xscale="log", xlabel="seconds of training")
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.legend()
    return figure


if __name__ == "__main__":
    main()
