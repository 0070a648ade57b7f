"""The figures: tables and arrays in, a picture out. Nothing here reads or writes a file.

The same input gives the same bytes: size, resolution, fonts (those inside matplotlib) and style
are fixed, whatever the user's own settings are, and nothing notes a date or a version. Variants
keep one colour in all figures, by their order in `params.yaml`; the colours can be told apart by
colour-blind readers (Okabe & Ito 2008, "Color Universal Design").
"""

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from grvae.base.sizes import SIDE
from grvae.base.statistics import estimate
from grvae.measure.metrics import assigned_confusion

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "#6E6E6E"
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601

# Two panels are 8.3 inches wide: at README width (830 px) a point of type is 1.4 px.
PANEL_WIDTH, PANELS_PER_ROW, DOTS_PER_INCH = 4.15, 2, 200
STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.dpi": DOTS_PER_INCH,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "savefig.dpi": DOTS_PER_INCH,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}

# Name, title and unit of what the training curves show, in reading order.
CURVES = (
    ("validation_accuracy", "argmax accuracy, validation split", "share of images"),
    (
        "validation_squared_error",
        "squared error, validation split, no noise",
        "per image, log scale",
    ),
    ("kl", "KL term in training, before its weight", "nats per image"),
)
SEED_MEASURES = (
    ("argmax_accuracy", "argmax accuracy"),
    ("assigned_accuracy", "assigned accuracy"),
    ("probe_accuracy", "linear probe"),
    ("squared_error_per_image", "squared error"),
)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Traversal:
    """What each latent of one model draws.

    Attributes:
        images: (latent, step, 784) in [0, 1], from the low to the high end of the latent's range.
        assignment: digit (latent,) of each latent under the best one-to-one assignment.
    """

    images: np.ndarray
    assignment: Sequence[int]


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function under the project's style, and under no setting of the user's."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(STYLE)
            return function(*args, **kwargs)

    return run


@styled
def encode_png(figure: Figure) -> bytes:
    """The bytes of a PNG file without software or date."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def encode_gif(frames: Sequence[Image.Image], milliseconds: Sequence[int]) -> bytes:
    """The bytes of a GIF file that repeats for ever."""
    buffer = io.BytesIO()
    first, *others = frames
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=list(milliseconds),
        loop=0,
        optimize=True,
    )
    return buffer.getvalue()


@styled
def draw_training_curves(curves: pd.DataFrame) -> Figure:
    """Every run's history, one line a seed; what no variant has recorded is left out.

    Args:
        curves: columns variant, seed, epoch, phase and those of `CURVES`.
    """
    shown = [curve for curve in CURVES if curves[curve[0]].notna().any()]
    figure, panels = make_panels(len(shown), height=2.6)
    colours = _colours(curves["variant"].unique())
    decoder_starts = sorted(_decoder_starts(curves))
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
    _add_legend(figure, panels[0])
    return figure


def _decoder_starts(curves: pd.DataFrame) -> set[float]:
    """Where, between two epochs, the decoder phase of a variant begins."""
    decoder = curves[curves["phase"] == "decoder"]
    return {float(epoch) - 0.5 for epoch in decoder.groupby("variant")["epoch"].min()}


def _make_log_scale(panel: Axes) -> None:
    """A logarithmic axis with plain numbers on it."""
    low, high = panel.get_ylim()
    panel.set_yscale("log")
    steps = np.array([1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8])
    ticks = [tick for power in range(-3, 6) for tick in steps * 10.0**power]
    panel.set_ylim(max(low, high / 1e3), high)
    panel.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_locator(FixedLocator([]))


def as_percent(share: float, _: object = None) -> str:
    """A tick's share in per cent."""
    return f"{100 * share:.4g} %"


@styled
def draw_accuracy_against_error(
    runs: pd.DataFrame, published: Mapping[str, Any], dataset: str
) -> Figure:
    """Every run as a dot: what the latents say of the digit, against what the decoder loses.

    Args:
        runs: one row a run, with variant, argmax_accuracy and squared_error_per_image.
        published: `reports/published.json`; drawn where it speaks of the same dataset.
        dataset: what the runs were trained on.
    """
    figure, (whole, close) = make_panels(2, height=3.4)
    colours = _colours(runs["variant"].unique())
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
            _add_published(panel, published)
        panel.set(xlabel="squared error per test image", ylabel="argmax accuracy, test split")
        panel.yaxis.set_major_formatter(as_percent)
    first = runs[runs["variant"] == runs["variant"].iloc[0]]
    errors, accuracies = list(first["squared_error_per_image"]), list(first["argmax_accuracy"])
    if published["dataset"] == dataset:
        errors.append(published["rerun"]["squared_error_per_image"])
        accuracies += [
            published["rerun"]["argmax_accuracy"],
            published["headline"]["argmax_accuracy"],
        ]
    _show_only(close, errors, accuracies)
    whole.set(title="all runs", ylim=(0, 1.03))
    close.set_title(f"close up: {first['variant'].iloc[0]}")
    _add_legend(figure, whole)
    return figure


def _add_published(panel: Axes, published: Mapping[str, Any]) -> None:
    """The two quoted results: a point, and a line where only the accuracy is known."""
    rerun, headline = published["rerun"], published["headline"]
    panel.plot(
        rerun["squared_error_per_image"],
        rerun["argmax_accuracy"],
        ls="",
        marker="D",
        ms=6,
        mfc="white",
        mec="black",
        label=f"quoted: published code, {rerun['epochs']} epochs, one seed",
    )
    panel.axhline(
        headline["argmax_accuracy"],
        color="black",
        lw=0.9,
        ls="--",
        label="quoted: the blog's accuracy (error not given)",
    )


def _show_only(panel: Axes, xs: Sequence[float], ys: Sequence[float]) -> None:
    """Limits with a margin around some points, at least a little wide."""
    for values, set_limits, least in ((xs, panel.set_xlim, 0.5), (ys, panel.set_ylim, 0.005)):
        margin = max(least, 0.15 * (max(values) - min(values)))
        set_limits(min(values) - margin, max(values) + margin)


@styled
def draw_mean_activation(activations: Mapping[str, ArrayLike]) -> Figure:
    """Heatmaps of the mean activation (digit, latent), one per variant, each on its own scale."""
    figure, panels = make_panels(len(activations), height=4.2)
    for panel, (variant, table) in zip(panels, activations.items(), strict=True):
        values = np.asarray(table)
        extreme = float(np.abs(values).max()) or 1.0
        signed = values.min() < -0.05 * extreme
        colours, low = ("RdBu_r", -extreme) if signed else ("Blues", 0.0)
        _draw_matrix(panel, values, colours, low, extreme, "{:.1f}")
        panel.set(title=f"{variant}: mean activation", xlabel="latent", ylabel="digit")
    return figure


@styled
def draw_confusion(argmax: Mapping[str, np.ndarray], assigned: Mapping[str, np.ndarray]) -> Figure:
    """Where each digit's test images go, pooled over seeds, in per cent of the digit's images.

    Args:
        argmax: by variant, counts (digit, latent with the largest mean).
        assigned: by variant, counts (digit, digit that this latent is assigned to).
    """
    readings = (
        (argmax, "largest latent", "latent with the largest mean"),
        (assigned, "best assignment", "digit assigned to that latent"),
    )
    figure, panels = make_panels(2 * len(argmax), height=4.2)
    cells = [(variant, *reading) for variant in argmax for reading in readings]
    for panel, (variant, matrices, title, label) in zip(panels, cells, strict=True):
        counts = matrices[variant]
        percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        _draw_matrix(panel, percent, "Blues", 0, 100, "{:.0f}")
        panel.set(title=f"{variant}: {title}", xlabel=label, ylabel="digit (a row is 100 %)")
    return figure


def pool_confusion(
    measures: Mapping[tuple[str, int], Mapping[str, Any]],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Sum the confusion matrices of each variant's seeds.

    Args:
        measures: by variant and seed, with `confusion` and `assignment` of each run.

    Returns:
        By variant, counts (digit, largest latent), and counts (digit, digit assigned to it): each
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
    panel: Axes, values: np.ndarray, colours: str, low: float, high: float, number: str
) -> None:
    """A square heatmap with its values written in; what rounds to zero stays blank."""
    image = panel.imshow(values, cmap=colours, vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        text = number.format(value)
        if float(text) != 0:
            luminance = np.dot(image.to_rgba(np.array([[value]]))[0, 0, :3], LUMINANCE)
            colour = "white" if luminance < 0.55 else "black"
            panel.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour)
    panel.set_xticks(range(values.shape[1]))
    panel.set_yticks(range(values.shape[0]))
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)


@styled
def draw_reconstructions(
    originals: np.ndarray, reconstructions: Mapping[str, np.ndarray]
) -> Figure:
    """One test image (digit, 784) of each digit above what each variant makes of it."""
    rows = {"original": originals, **reconstructions}
    figure, (panel,) = make_panels(1, height=0.75 * len(rows) + 0.1, width=2 * PANEL_WIDTH)
    draw_images(panel, np.stack(list(rows.values())))
    panel.set_yticks(centres(len(rows)), list(rows))
    return figure


@styled
def draw_traversals(traversals: Mapping[str, Traversal]) -> Figure:
    """What each latent decodes to along its range, all others at rest; a panel a variant.

    Rows are in the order of the digits that the latents are assigned to.
    """
    figure, panels = make_panels(len(traversals), height=4.45)
    for panel, (variant, traversal) in zip(panels, traversals.items(), strict=True):
        latent_of = np.argsort(traversal.assignment)
        draw_images(panel, traversal.images[latent_of])
        labels = [
            f"{latent} \N{RIGHTWARDS ARROW} {digit}" for digit, latent in enumerate(latent_of)
        ]
        panel.set_yticks(centres(len(labels)), labels)
        panel.set_title(variant)
        panel.set_ylabel("latent \N{RIGHTWARDS ARROW} digit assigned to it")
        panel.set_xlabel("value of the latent, from low to high")
    return figure


def draw_images(panel: Axes, images: np.ndarray) -> None:
    """A sheet of images (row, column, 784) as dark ink on white, parted by thin lines."""
    rows, columns, _ = images.shape
    cell = SIDE + 1
    sheet = np.full((rows * cell + 1, columns * cell + 1), 0.22)
    for (row, column), _ in np.ndenumerate(images[..., 0]):
        top, left = row * cell + 1, column * cell + 1
        sheet[top : top + SIDE, left : left + SIDE] = images[row, column].reshape(SIDE, SIDE)
    panel.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.grid(False)
    panel.spines[:].set_visible(False)


def centres(count: int) -> np.ndarray:
    """Where the rows or the columns of a sheet of images have their middle."""
    return (np.arange(count) + 0.5) * (SIDE + 1)


@styled
def draw_seeds(runs: pd.DataFrame) -> Figure:
    """The main measures: every seed as a dot beside the mean and its 95 % interval."""
    figure, panels = make_panels(len(SEED_MEASURES), height=2.9, per_row=4, width=PANEL_WIDTH / 2)
    variants = list(runs["variant"].unique())
    colours = _colours(variants)
    for panel, (name, title) in zip(panels, SEED_MEASURES, strict=True):
        is_share = name.endswith("accuracy")
        lows, highs = [0.0], [1.0 if is_share else float(runs[name].max())]
        for place, variant in enumerate(variants):
            values = runs.loc[runs["variant"] == variant, name].to_numpy()
            result = estimate(values)
            spread = place - 0.15 + np.linspace(-0.12, 0.12, len(values))
            colour = colours[variant]
            panel.plot(spread, values, ls="", marker="o", ms=4.5, alpha=0.7, mew=0, color=colour)
            panel.errorbar(
                place + 0.15,
                result.mean,
                [[result.mean - result.low], [result.high - result.mean]],
                color=colour,
                capsize=3.5,
                fmt="_",
                ms=9,
            )
            lows, highs = [*lows, result.low], [*highs, result.high]
        slant = 30 if len(variants) > 2 else 0
        panel.set_xticks(range(len(variants)), variants, rotation=slant, rotation_mode="xtick")
        panel.set_xlim(-0.6, len(variants) - 0.4)
        panel.set_title(title)
        panel.grid(axis="x", visible=False)
        panel.set_ylim(1.2 * min(lows), 1.02 * max(highs))
        if is_share:
            panel.yaxis.set_major_formatter(as_percent)
    return figure


def draw_sweep(sweeps: Mapping[str, np.ndarray]) -> tuple[list[Image.Image], list[int]]:
    """An animation from the typical image of each digit to the next, all variants side by side.

    Args:
        sweeps: by variant, images (frame, 784) in [0, 1]; every tenth of the frames starts at the
            next digit.

    Returns:
        The frames, and for how many milliseconds each is shown: longer at a digit.
    """
    zoom, margin, title, footer, levels = 7, 16, 26, 44, 24
    edge = SIDE * zoom
    width, height = margin + len(sweeps) * (edge + margin), title + edge + footer
    font, large = _font(14), _font(17)
    frames, milliseconds = [], []
    (count,) = {len(images) for images in sweeps.values()}
    per_digit = count // 10
    for number in range(count):
        frame = Image.new("L", (width, height), 255)
        canvas = ImageDraw.Draw(frame)
        for place, (variant, images) in enumerate(sweeps.items()):
            left = margin + place * (edge + margin)
            canvas.text((left + edge / 2, title - 5), variant, 0, font, anchor="ms")
            ink = np.round(images[number].reshape(SIDE, SIDE) * (levels - 1)) / (levels - 1)
            image = Image.fromarray(np.round(255 * (1 - ink)).astype(np.uint8))
            frame.paste(image.resize((edge, edge), Image.Resampling.NEAREST), (left, title))
            canvas.rectangle((left - 1, title - 1, left + edge, title + edge), outline=160)
        _draw_scale(canvas, number / per_digit, (margin, width - margin), height - 22, font, large)
        frames.append(frame)
        milliseconds.append(600 if number % per_digit == 0 else 70)
    return frames, milliseconds


def _draw_scale(
    canvas: ImageDraw.ImageDraw,
    position: float,
    ends: tuple[int, int],
    middle: int,
    font: ImageFont.FreeTypeFont,
    large: ImageFont.FreeTypeFont,
) -> None:
    """The digits in a line, 0 at both ends, with a mark where the sweep is."""
    left, right = ends[0] + 10, ends[1] - 10
    mark = left + (right - left) * position / 10
    canvas.ellipse((mark - 13, middle - 13, mark + 13, middle + 13), fill=215)
    for place in range(11):
        here = round(position) == place
        spot = (left + (right - left) * place / 10, middle)
        canvas.text(spot, str(place % 10), 0 if here else 130, large if here else font, "mm")


def _font(size: int) -> ImageFont.FreeTypeFont:
    path = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def _colours(variants: Iterable[str]) -> dict[str, str]:
    """One colour for each variant, by order; after seven they repeat."""
    return {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(variants)}


def make_panels(
    count: int, height: float, per_row: int = PANELS_PER_ROW, width: float = PANEL_WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure with panels of one size in inches, filled row by row."""
    columns = min(count, per_row)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(columns * width, rows * height), layout="compressed")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in grid[count:]:
        unused.set_axis_off()
    return figure, list(grid[:count])


def _add_legend(figure: Figure, panel: Axes) -> None:
    """One legend for all panels, above them."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(labels) if len(labels) < 4 else 2
    )
