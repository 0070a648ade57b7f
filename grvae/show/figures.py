"""The figures: tables and arrays in, pictures out. Nothing here reads or writes a file.

Variants keep one colour in all figures, by their order in `params.yaml`. A new figure is a function
and a line in `draw_all`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from grvae.base.statistics import estimate_median
from grvae.measure.metrics import METRICS, assigned_confusion
from grvae.measure.summary import RunKey
from grvae.show.pictures import draw_reconstructions, draw_sweep, draw_traversals, encode_gif
from grvae.show.style import (
    GREY,
    PANEL_WIDTH,
    add_legend,
    as_percent,
    colours_of,
    encode_png,
    make_panels,
    styled,
)

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601

# A matrix has room for so many columns with a number in each cell, and so many labels on a side.
WRITTEN, LABELLED = 13, 32

# Name, title and unit of what the training curves show, in reading order.
CURVES = (
    ("validation_accuracy", "argmax accuracy", "validation images"),
    ("validation_squared_error", "squared error", "per validation image"),
    ("kl", "KL term in training", "nats per image"),
)
LEAST_SHARE = 1e-4  # on a logarithmic axis, which has no zero
# Name and title of what is shown of every seed.
SHOWN_BY_SEED = {
    "argmax_accuracy": "argmax accuracy",
    "assigned_accuracy": "assigned accuracy",
    "probe_accuracy": "linear probe",
    "squared_error_per_image": "squared error",
}


def draw_all(
    dataset: str,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    measures: Mapping[RunKey, Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, np.ndarray]],
    published: Mapping[str, Any],
) -> dict[str, bytes]:
    """Every figure by the name of its file; those of one model show the first seed's.

    Args:
        dataset: what was learned.
        runs: one row a run; see `grvae.measure.summary.runs_table`.
        curves: one row an epoch: variant, seed, and the columns of a history.
        measures: of each run; see `grvae.measure.evaluation.measure`.
        samples: by variant, of its first seed; see `grvae.measure.evaluation.draw_samples`.
        published: `reports/published.json`.
    """
    seed = int(runs["seed"].iloc[0])
    first = {variant: measures[variant, seed] for variant in samples}
    traversals = {variant: arrays["traversal"] for variant, arrays in samples.items()}
    assignments = {variant: values["assignment"] for variant, values in first.items()}
    originals = next(iter(samples.values()))["originals"]
    reconstructions = {variant: arrays["reconstructions"] for variant, arrays in samples.items()}
    activations = {variant: values["mean_activation"] for variant, values in first.items()}
    classes = next(iter(first.values()))["classes"]
    pictures = {
        "training_curves": draw_training_curves(curves),
        "accuracy_against_error": draw_accuracy_against_error(runs, published, dataset),
        "seeds": draw_seeds(runs),
        "mean_activation": draw_mean_activation(activations, classes),
        "confusion": draw_confusion(*pool_confusion(measures), classes),
        "reconstructions": draw_reconstructions(originals, reconstructions),
        "traversals": draw_traversals(traversals, assignments, classes),
    }
    files = {f"{name}.png": encode_png(figure) for name, figure in pictures.items()}
    sweep = draw_sweep({name: arrays["sweep"] for name, arrays in samples.items()}, classes)
    return files | {"sweep.gif": encode_gif(*sweep)}


@styled
def draw_training_curves(curves: pd.DataFrame) -> Figure:
    """Every run's history, one line a seed; what no variant has recorded is left out.

    Args:
        curves: columns variant, seed, epoch, phase and those of `CURVES`.
    """
    shown = [curve for curve in CURVES if curves[curve[0]].notna().any()]
    figure, panels = make_panels(
        len(shown), height=2.9, per_row=3, width=2 * PANEL_WIDTH / max(2, len(shown))
    )
    colours = colours_of(curves["variant"].unique())
    first_of_decoder = curves[curves["phase"] == "decoder"].groupby("variant")["epoch"].min()
    decoder_starts = sorted({float(epoch) - 0.5 for epoch in first_of_decoder})
    for panel, (name, title, unit) in zip(panels, shown, strict=True):
        for (variant, _), run in curves.groupby(["variant", "seed"], sort=False):
            is_first = run["seed"].iloc[0] == curves["seed"].iloc[0]
            label = f"{variant}, one line a seed" if is_first else None
            colour = colours[str(variant)]
            panel.plot(run["epoch"], run[name], color=colour, lw=1.1, alpha=0.75, label=label)
        panel.set(title=title, ylabel=unit, xlabel="epoch")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        panel.set_xlim(1, max(2, curves["epoch"].max()))
        if name == "validation_accuracy":
            panel.set_ylim(0, 1)
            panel.yaxis.set_major_formatter(as_percent)
        elif name == "validation_squared_error":
            _make_log_scale(panel)
        else:
            panel.set_ylim(bottom=0)
        for start in decoder_starts:
            panel.axvline(start, color=GREY, lw=0.9, ls=":")
    if decoder_starts:
        panels[0].plot([], [], color=GREY, lw=0.9, ls=":", label="encoder frozen from here")
    add_legend(figure, panels[0])
    return figure


def _make_log_scale(panel: Axes) -> None:
    """A logarithmic axis with plain numbers on it."""
    low, high = panel.dataLim.intervaly
    low, high = 0.9 * max(low, high / 1e3), 1.1 * high
    panel.set_ylim(low, high)
    panel.set_yscale("log")
    steps = (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8)
    panel.yaxis.set_major_locator(LogLocator(subs=steps))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_locator(NullLocator())


@styled
def draw_accuracy_against_error(
    runs: pd.DataFrame, published: Mapping[str, Any], dataset: str
) -> Figure:
    """Every run as a dot: what the latents say of the class, against what the decoder loses.

    Args:
        runs: one row a run, with variant, argmax_accuracy and squared_error_per_image.
        published: `reports/published.json`; drawn where it speaks of the same dataset.
        dataset: what the runs were trained on.
    """
    figure, (whole, close) = make_panels(2, height=3.4)
    colours = colours_of(runs["variant"].unique())
    for panel in (whole, close):
        for variant, group in runs.groupby("variant", sort=False):
            panel.plot(
                group["squared_error_per_image"],
                group["argmax_accuracy"],
                ls="",
                marker="o",
                ms=6,
                alpha=0.8,
                mec="white",
                mew=0.6,
                color=colours[str(variant)],
                label=f"{variant}, one dot a seed",
            )
        if published["dataset"] == dataset:
            panel.axhline(
                published["headline"]["argmax_accuracy"],
                color="black",
                lw=0.9,
                ls="--",
                label="quoted: the blog's accuracy (error not given)",
            )
        panel.set(xlabel="squared error per test image", ylabel="argmax accuracy, test split")
        panel.yaxis.set_major_formatter(as_percent)
    first = runs[runs["variant"] == runs["variant"].iloc[0]]
    for name, set_limits, least in (
        ("squared_error_per_image", close.set_xlim, 1.0),
        ("argmax_accuracy", close.set_ylim, 0.01),
    ):
        low, high = first[name].min(), first[name].max()
        margin = max(least, 0.15 * (high - low))
        set_limits(low - margin, high + margin)
    close.xaxis.set_major_locator(MaxNLocator(nbins=6))
    whole.set(title="all runs", ylim=(0, 1.03))
    close.set_title(f"the same, close up around {first['variant'].iloc[0]}")
    add_legend(figure, whole)
    return figure


@styled
def draw_mean_activation(activations: Mapping[str, ArrayLike], classes: Sequence[str]) -> Figure:
    """Heatmaps of the mean activation (class, latent), one per variant, all on one scale."""
    figure, panels = make_panels(len(activations), height=4.2)
    tables = [np.asarray(table) for table in activations.values()]
    extreme = max(float(np.abs(table).max()) for table in tables) or 1.0
    is_signed = any(table.min() < -0.05 * extreme for table in tables)
    colours, low = ("RdBu_r", -extreme) if is_signed else ("Blues", 0.0)
    for panel, variant, values in zip(panels, activations, tables, strict=True):
        _draw_matrix(panel, values, colours, low, extreme, "{:.1f}", classes)
        panel.set(title=f"{variant}: mean activation", xlabel="latent", ylabel="class")
    return figure


@styled
def draw_confusion(
    argmax: Mapping[str, np.ndarray],
    assigned: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> Figure:
    """Where each class's test images go, pooled over seeds, in per cent of the class's images.

    The best assignment is drawn where it differs from the latents as they are.

    Args:
        argmax: by variant, counts (class, latent with the largest mean).
        assigned: by variant, counts (class, class that this latent is assigned to).
        classes: their names.
    """
    readings = (
        (argmax, "largest latent", "latent with the largest mean"),
        (assigned, "best assignment", "class assigned to that latent"),
    )
    cells = [
        (variant, *reading)
        for variant in argmax
        for reading in readings
        if reading[0] is argmax or not np.array_equal(assigned[variant], argmax[variant])
    ]
    figure, panels = make_panels(len(cells), height=4.2)
    for panel, (variant, matrices, title, label) in zip(panels, cells, strict=True):
        counts = matrices[variant]
        percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        columns = classes if matrices is assigned else None
        _draw_matrix(panel, percent, "Blues", 0, 100, "{:.0f}", classes, columns)
        panel.set(title=f"{variant}: {title}", xlabel=label, ylabel="class (a row is 100 %)")
    return figure


def pool_confusion(
    measures: Mapping[RunKey, Mapping[str, Any]],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Sum the confusion matrices of each variant's seeds.

    Args:
        measures: by variant and seed, with `confusion` and `assignment` of each run.

    Returns:
        By variant, counts (class, largest latent), and counts (class, class assigned to it): each
        run's assignment is its own.
    """
    argmax: dict[str, np.ndarray] = {}
    assigned: dict[str, np.ndarray] = {}
    for (variant, _), values in measures.items():
        counts, assignment = np.array(values["confusion"]), np.array(values["assignment"])
        argmax[variant] = argmax.get(variant, 0) + counts
        assigned[variant] = assigned.get(variant, 0) + assigned_confusion(counts, assignment)
    return argmax, assigned


def _draw_matrix(
    panel: Axes,
    values: np.ndarray,
    colours: str,
    low: float,
    high: float,
    number: str,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
) -> None:
    """A heatmap with its values written in where there is room; what rounds to zero stays blank.

    Rows, and columns if they have names, are labelled as far as there is room.
    """
    image = panel.imshow(values, cmap=colours, vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values) if values.shape[1] <= WRITTEN else ():
        text = number.format(value)
        if float(text) != 0:
            luminance = np.dot(image.to_rgba(np.array([[value]]))[0, 0, :3], LUMINANCE)
            colour = "white" if luminance < 0.55 else "black"
            panel.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
    names = columns or [str(latent) for latent in range(values.shape[1])]
    for set_ticks, labels in ((panel.set_xticks, names), (panel.set_yticks, rows)):
        every = math.ceil(len(labels) / LABELLED)
        set_ticks(range(0, len(labels), every), labels[::every])
    if max(map(len, names)) > 2 or sum(map(len, names)) > LABELLED:
        panel.tick_params(axis="x", rotation=90)
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)


@styled
def draw_seeds(runs: pd.DataFrame) -> Figure:
    """The main measures: every seed as a dot beside the median and its 95 % interval.

    Shares of the images that are classified rightly are drawn as the rest, on a logarithmic axis:
    what differs between good variants is a few images in a hundred.
    """
    figure, panels = make_panels(len(SHOWN_BY_SEED), height=2.9, per_row=4, width=PANEL_WIDTH / 2)
    variants = list(runs["variant"].unique())
    colours = colours_of(variants)
    for panel, (name, title) in zip(panels, SHOWN_BY_SEED.items(), strict=True):
        is_share = METRICS[name].is_share
        for place, variant in enumerate(variants):
            values = runs.loc[runs["variant"] == variant, name].to_numpy()
            if is_share:
                values = np.maximum(1 - values, LEAST_SHARE)
            result = estimate_median(values)
            spread = place - 0.15 + np.linspace(-0.12, 0.12, len(values))
            colour = colours[variant]
            panel.plot(spread, values, ls="", marker="o", ms=4.5, alpha=0.7, mew=0, color=colour)
            ends = result.low, result.high  # none for few seeds
            low, high = (result.median if end is None else end for end in ends)
            panel.errorbar(
                place + 0.15,
                result.median,
                [[result.median - low], [high - result.median]],
                color=colour,
                capsize=3.5,
                fmt="_",
                ms=9,
            )
        slant = 30 if len(variants) > 2 else 0
        panel.set_xticks(range(len(variants)), variants, rotation=slant, rotation_mode="xtick")
        panel.set_xlim(-0.6, len(variants) - 0.4)
        _make_log_scale(panel)
        panel.set_title(title)
        panel.grid(axis="x", visible=False)
        if is_share:
            panel.set_ylabel("wrong images")
            panel.yaxis.set_major_formatter(as_percent)
        else:
            panel.set_ylabel("per image")
    return figure
