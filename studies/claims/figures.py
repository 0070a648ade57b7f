"""One figure a claim: every run of the variants that its parts speak of, and the margins."""

from pathlib import Path

import click
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_table, write_atomically
from grvae.show.style import GREY, OKABE_ITO, as_percent, encode_png, make_panels, styled
from studies.claims.plan import MEASURES, Claim, Part, load_plan
from studies.claims.verdicts import values_of

HEIGHT, SPREAD = 2.6, 0.18


@styled
def draw_claim(claim: Claim, runs: pd.DataFrame) -> Figure:
    """A panel for each part of a claim."""
    figure, panels = make_panels(len(claim.parts), HEIGHT)
    for panel, part in zip(panels, claim.parts.values(), strict=True):
        draw_part(panel, part, runs)
    return figure


def draw_part(panel: Axes, part: Part, runs: pd.DataFrame) -> None:
    """Each run as a dot, each variant's mean as a bar; the margin as a dotted line.

    Where two variants are compared, the line stands at the reference's mean plus the margin.
    """
    measure = MEASURES[part.measure]
    names = [part.variant, *([part.minus] if part.minus else [])]
    for place, (name, colour) in enumerate(zip(names, OKABE_ITO, strict=False)):
        values = values_of(name, part, runs)
        places = place + np.linspace(-SPREAD, SPREAD, len(values))
        panel.plot(places, values, ls="", marker="o", ms=5, alpha=0.75, color=colour)
        panel.hlines(values.mean(), place - 0.3, place + 0.3, color=colour, lw=1.4)
    reference = 0.0 if part.minus is None else values.mean()
    panel.axhline(reference + part.margin, color=GREY, lw=1, ls=":", label="margin")
    panel.set_xticks(range(len(names)), names)
    panel.set_xlim(-0.6, len(names) - 0.4)
    panel.set_title(measure.label)
    panel.grid(visible=False, axis="x")
    if measure.is_share:
        panel.yaxis.set_major_formatter(as_percent)
    panel.margins(y=0.15)
    panel.legend(loc="best")


@click.command(cls=StageCommand, help=__doc__)
@paths("plan", "runs", "out")
def main(plan: Path, runs: Path, out: Path) -> None:
    rows = load_table(runs)
    for name, claim in load_plan(plan, rows["variant"].unique()).claims.items():
        write_atomically(out / f"{name}.png", encode_png(draw_claim(claim, rows)))


if __name__ == "__main__":
    main()
