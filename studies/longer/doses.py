"""Draw what each dose does: how many images are read off the largest latent."""

from pathlib import Path

import click
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grvae.base.command import StageCommand, paths
from grvae.base.storage import load_table, write_atomically
from grvae.show.style import OKABE_ITO, as_percent, encode_png, make_panels, styled
from studies.claims.plan import MEASURES
from studies.longer.recipes import Dose, dose_name, load_longer

HEIGHT = 2.8
MEASURE = "read_accuracy"
LABELS = {
    "routed_images": "images that are routed",
    "wrong_labels": "routed images with a wrong label",
}


@styled
def draw_doses(doses: dict[str, Dose], runs: pd.DataFrame) -> Figure:
    """A panel for each dose: every run as a dot, and a line through the means."""
    figure, panels = make_panels(len(doses), HEIGHT)
    for panel, (name, dose), colour in zip(panels, doses.items(), OKABE_ITO, strict=False):
        draw_dose(panel, name, dose, runs, colour)
    return figure


def draw_dose(panel: Axes, name: str, dose: Dose, runs: pd.DataFrame, colour: str) -> None:
    """One dose."""
    values = {
        value: runs.loc[runs["variant"] == dose_name(name, value), MEASURE] for value in dose.values
    }
    for value, found in values.items():
        panel.plot([value] * len(found), found, ls="", marker="o", ms=5, alpha=0.75, color=colour)
    means = [found.mean() for found in values.values()]
    panel.plot(list(values), means, color=colour, lw=1.4)
    panel.set_title(MEASURES[MEASURE].label)
    panel.set_xlabel(LABELS[name])
    if min(values) > 0 and max(values) / min(values) > 10:
        panel.set_xscale("log")
    panel.xaxis.set_major_formatter(as_percent)
    panel.yaxis.set_major_formatter(as_percent)


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "figure")
def main(params: Path, runs: Path, figure: Path) -> None:
    drawn = draw_doses(load_longer(params).doses, load_table(runs))
    write_atomically(figure, encode_png(drawn))


if __name__ == "__main__":
    main()
