"""One style for all figures, whoever draws them.

The same input gives the same bytes: size, resolution, fonts (those inside matplotlib) and style
are fixed, whatever the user's own settings are, and nothing notes a date or a version. The colours
can be told apart by colour-blind readers (Okabe & Ito 2008, "Color Universal Design").
"""

import io
import math
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.style import context

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
GREY = "#6E6E6E"

# Two panels are 8.3 inches wide: at README width (830 px) a point of type is 1.4 px.
PANEL_WIDTH, PANELS_PER_ROW, DOTS_PER_INCH = 4.15, 2, 200
STYLE = {
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
# Decorates what draws: it runs under this style, and under no setting of the user's.
styled = context(STYLE, after_reset=True)


@styled
def encode_png(figure: Figure) -> bytes:
    """The bytes of a PNG file without software or date."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


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


def as_percent(share: float, _: object = None) -> str:
    """A tick's share in per cent."""
    return f"{100 * share:.4g} %"


def colours_of(variants: Iterable[str]) -> dict[str, str]:
    """One colour for each variant, by order; after seven they repeat."""
    return {name: OKABE_ITO[place % len(OKABE_ITO)] for place, name in enumerate(variants)}


def add_legend(figure: Figure, panel: Axes) -> None:
    """One legend for all panels, above them."""
    handles, labels = panel.get_legend_handles_labels()
    columns = len(labels) if len(labels) < 4 else 2
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)
