"""What trials have shown: the front of accuracy and error, and what many seeds say of a recipe."""

from pathlib import Path

import click
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.pages import write_page
from grvae.base.command import CommandGroup, StageCommand, paths
from grvae.base.statistics import estimate_median
from grvae.base.storage import load_table, write_atomically
from grvae.measure.summary import DAMAGED_RECALL, damaged_runs
from grvae.show.style import GREY, as_percent, colours_of, encode_png, make_panels, styled

# Below this share of the digits a recipe is listed, but not drawn: the others would be one dot.
LOWEST_SHOWN = 0.97
# One that loses more is named at the edge, for the same reason.
LARGEST_SHOWN = 14.0


@click.group(cls=CommandGroup)
def main() -> None:
    """Show what trials have shown."""


@main.command(cls=StageCommand)
@paths("table", "figure", "markdown")
def front(table: Path, figure: Path, markdown: Path) -> None:
    """Draw accuracy against error, a dot a recipe, and list them."""
    recipes = means_by_recipe(load_table(table))
    write_atomically(figure, encode_png(draw_front(recipes)))
    write_page(markdown, {"rows": recipes.to_dict("records")})


def means_by_recipe(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a recipe: its family, the means over seeds, the lowest recall, and how many runs."""
    return runs.groupby("trial", as_index=False, sort=False).agg(
        family=("family", "first"),
        argmax_accuracy=("argmax_accuracy", "mean"),
        lowest_recall=("lowest_recall", "min"),
        squared_error_per_image=("squared_error_per_image", "mean"),
        cpu_seconds=("cpu_seconds", "mean"),
        runs=("seed", "size"),
    )


@styled
def draw_front(recipes: pd.DataFrame) -> Figure:
    """What recipes read and what they lose, coloured by family; a line joins a family's best."""
    figure, (panel,) = make_panels(1, height=4.2, width=8.3)
    readable = recipes[recipes["argmax_accuracy"] > LOWEST_SHOWN]
    is_far = readable["squared_error_per_image"] > LARGEST_SHOWN
    for row in undominated(readable[is_far]).itertuples():
        panel.annotate(
            f"{row.trial}, at {row.squared_error_per_image:.1f} →",
            (1, row.argmax_accuracy), xycoords=("axes fraction", "data"), ha="right", fontsize=6,
        )  # fmt: skip
    readable = readable[~is_far]
    colours = colours_of(readable["family"].unique())
    for family, rows in readable.groupby("family", sort=False):
        x, y, colour = "squared_error_per_image", "argmax_accuracy", colours[str(family)]
        panel.plot(rows[x], rows[y], "o", color=colour, alpha=0.4)
        best = undominated(rows)
        panel.plot(best[x], best[y], "o-", color=colour, lw=1, label=family)
        for name, error, accuracy in zip(best["trial"], best[x], best[y], strict=True):
            panel.annotate(
                name, (error, accuracy), xytext=(4, -9), textcoords="offset points", fontsize=6
            )
    for error in recipes.loc[recipes["family"] == "no mask", "squared_error_per_image"]:
        panel.axvline(error, color=GREY, ls="--", lw=1, label="the error without a mask")
    panel.set_xlabel("squared error per image")
    panel.set_ylabel("argmax accuracy, validation images")
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
@paths("table", "markdown")
def seeds(table: Path, markdown: Path) -> None:
    """List what many seeds say of each recipe, and how many of its runs are damaged."""
    rows = [
        {
            "trial": trial,
            "accuracy": estimate_median(runs["argmax_accuracy"].to_numpy()),
            "mean": runs["argmax_accuracy"].mean(),
            "lowest": runs["argmax_accuracy"].min(),
            "lowest_recall": runs["lowest_recall"].min(),
            "error": runs["squared_error_per_image"].median(),
            "on_gpu": (runs["device"] != "cpu").sum(),
            "damaged": damaged_runs(runs["lowest_recall"].to_numpy()),
        }
        for trial, runs in load_table(table).groupby("trial", sort=False)
    ]
    write_page(markdown, {"rows": rows, "damaged_recall": DAMAGED_RECALL})


if __name__ == "__main__":
    main()
