"""The forest plot: how far each part's quantity lies beyond its margin."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grvae.show.style import GREY, OKABE_ITO, styled
from studies.plan import MEASURES, Part

# By verdict, colour and marker.
STYLES = {
    "supported": (OKABE_ITO[0], "o"),
    "refuted": (OKABE_ITO[1], "X"),
    "undecided": (GREY, "s"),
    "control failed": (OKABE_ITO[3], "d"),
}
WIDTH, ROW_HEIGHT = 9.0, 0.27
LINEAR = 1.0  # distance up to which the axis is linear
RIGHT, EDGE = 1.03, 200.0  # where the numbers stand, and where the axis ends


@styled
def draw_forest(
    parts: Mapping[str, Part], findings: pd.DataFrame, texts: Mapping[str, str]
) -> Figure:
    """A row a part, the primary ones in bold; right of the line is what was claimed.

    Args:
        parts: by name.
        findings: one row a part.
        texts: what stands beside each part.
    """
    figure = Figure(figsize=(WIDTH, ROW_HEIGHT * (len(parts) + 5)), layout="constrained")
    panel = figure.subplots()
    panel.set_xscale("symlog", linthresh=LINEAR)
    panel.axvline(0, color="black", lw=1)
    for row, finding in enumerate(findings.to_dict("records")):
        draw_row(panel, -row, parts[finding["part"]], finding)
        beside = panel.get_yaxis_transform()
        panel.text(RIGHT, -row, texts[finding["part"]], transform=beside, va="center", fontsize=8)
    panel.set_xlim(-EDGE, EDGE)
    panel.set_ylim(-len(parts) + 0.4, 0.6)
    panel.set_yticks([-row for row in range(len(parts))], findings["part"])
    for label, is_primary in zip(panel.get_yticklabels(), findings["primary"], strict=True):
        label.set_fontweight("bold" if is_primary else "normal")
    panel.grid(visible=False, axis="y")
    ticks = [-100, -10, -1, 0, 1, 10, 100]
    panel.set_xticks(ticks, [f"{tick:+d}" if tick else "margin" for tick in ticks])
    panel.set_xlabel(
        "against the claim  ←  points, squared error or classes beyond our margin  →  as claimed"
    )
    handles = [
        Line2D([], [], color=colour, marker=marker, label=verdict)
        for verdict, (colour, marker) in STYLES.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def draw_row(panel: Axes, place: float, part: Part, finding: Mapping[Hashable, Any]) -> None:
    """A part's value and its interval; hollow where it has none."""
    colour, marker = STYLES.get(finding["verdict"], (GREY, ""))
    sign = 1 if part.more_than is not None else -1
    scale = sign * (100 if MEASURES[part.measure].is_share else 1)
    value, *ends = (scale * (finding[key] - part.margin) for key in ("value", "low", "high"))
    panel.plot(ends, [place, place], color=colour, lw=2.2 if part.primary else 1.4)
    face = "white" if pd.isna(finding["low"]) else colour
    panel.plot(value, place, marker=marker, ms=6, color=colour, markerfacecolor=face)
