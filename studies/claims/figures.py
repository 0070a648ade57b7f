"""One figure a claim, from the table of runs; and from one routed run, what its sliders draw."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grvae.base.command import StageCommand, paths
from grvae.base.sizes import DIGITS
from grvae.base.statistics import estimate
from grvae.base.storage import load_table, write_atomically
from grvae.measure.sliders import Sliders, read_sliders
from grvae.model.images import ImageSet, load_images
from grvae.model.training import train_vae
from grvae.model.vae import VAE
from grvae.show.digits import centres, draw_images
from grvae.show.style import (
    GREY,
    OKABE_ITO,
    PANEL_WIDTH,
    add_legend,
    as_percent,
    encode_png,
    make_panels,
    styled,
)
from studies.claims.evidence import (
    ALTERNATIVES,
    GOOD_RECALL,
    GUESSES,
    ROUTED_SHARES,
    WRONG_SHARES,
    at_full_length,
    estimate_of,
    share_of_good_runs,
    values_of,
)
from studies.claims.slider_fidelity import POSITIONS
from studies.claims.study import Resolved, load_resolved, load_study

HEIGHT = 3.1


def add_point(panel: Axes, x: float, values: np.ndarray, colour: str, label: str | None) -> None:
    """A mean over runs with its interval."""
    result = estimate(values)
    ends = [[result.mean - result.low], [result.high - result.mean]]
    panel.errorbar(x, result.mean, ends, color=colour, fmt="o", ms=4, capsize=3, label=label)


@styled
def draw_sign(runs: pd.DataFrame) -> Figure:
    """For each activation, what share of each digit's images is on the negative side."""
    figure, panels = make_panels(4, HEIGHT * 0.75)
    for panel, activation in zip(panels, ("none", "relu", "softplus", "abs"), strict=True):
        for digit in range(DIGITS):
            shares = values_of(runs, f"sign_{activation}", f"negative_share_{digit}")
            places = digit + np.linspace(-0.25, 0.25, len(shares))
            panel.plot(places, shares, ls="", marker="o", ms=3, alpha=0.6, color=OKABE_ITO[0])
        panel.set(title=f"latent_act: {activation}", xlabel="digit", ylim=(-0.05, 1.05))
        panel.set_xticks(range(DIGITS))
        panel.yaxis.set_major_formatter(as_percent)
    figure.supylabel("share of the digit's images with a negative mean", fontsize=9)
    return figure


@styled
def draw_regularisation(study: Resolved, runs: pd.DataFrame) -> Figure:
    """Read accuracy and error against the weight of the KL term, with and without its parts."""
    series = {
        "routed, noise": "{}_noise",
        "routed, no noise": "{}_still",
        "routed, noise, KL routed": "{}_noise_kl_routed",
        "routed, no noise, KL routed": "{}_still_kl_routed",
        "not routed, noise": "{}_noise_unrouted",
    }
    figure, panels = make_panels(2, HEIGHT + 0.5)
    weights = ("kl_0", "kl_01", "kl_03", "kl_1")
    for panel, measure in zip(panels, ("read_accuracy", "squared_error"), strict=True):
        for colour, (label, pattern) in zip(OKABE_ITO, series.items(), strict=False):
            names = [n for n in map(pattern.format, weights) if n in study.variants]
            places = [study.variant(name).recipe.kl_weight for name in names]
            means = [estimate_of(runs, name, measure).mean for name in names]
            panel.plot(places, means, color=colour, lw=1, label=label)
            for place, name in zip(places, names, strict=True):
                add_point(panel, place, values_of(runs, name, measure), colour, None)
        panel.set(xlabel="weight of the KL term", title=measure.replace("_", " "))
    panels[0].yaxis.set_major_formatter(as_percent)
    add_legend(figure, panels[0], 3)
    return figure


def draw_plane(panel: Axes, runs: pd.DataFrame, settings: Sequence[str]) -> None:
    """Settings in the plane of read accuracy and squared error."""
    for number, name in enumerate(settings):
        x, y = (estimate_of(runs, name, m) for m in ("squared_error", "read_accuracy"))
        panel.errorbar(
            x.mean,
            y.mean,
            [[y.mean - y.low], [y.high - y.mean]],
            [[x.mean - x.low], [x.high - x.mean]],
            color=OKABE_ITO[number % len(OKABE_ITO)],
            fmt="osD^v"[number // len(OKABE_ITO)],
            ms=5,
            lw=1,
            label=name,
        )
    panel.set(xlabel="squared error per test image", ylabel="read accuracy")
    panel.yaxis.set_major_formatter(as_percent)


@styled
def draw_reconstruction(runs: pd.DataFrame) -> Figure:
    """What each change of a guess does to error and accuracy."""
    names = dict.fromkeys(name for pairs in GUESSES.values() for pair in pairs for name in pair)
    figure, (panel,) = make_panels(1, 4.2, width=1.6 * PANEL_WIDTH)
    draw_plane(panel, runs, list(names))
    figure.legend(*panel.get_legend_handles_labels(), loc="outside right center")
    return figure


@styled
def draw_losses(runs: pd.DataFrame) -> Figure:
    """Routing against the losses that one would take instead, short and at full length."""
    figure, panels = make_panels(2, HEIGHT + 0.7)
    lengths = {"short": runs, "full length": at_full_length(runs)}
    for panel, (length, table) in zip(panels, lengths.items(), strict=True):
        draw_plane(panel, table, ["routed", "unrouted", *ALTERNATIVES])
        panel.set(title=length, ylim=(0, 1.03))
    add_legend(figure, panels[0], 4)
    return figure


@styled
def draw_spread(runs: pd.DataFrame) -> Figure:
    """Every routed run, short and at full length, sorted by its worst digit's recall."""
    figure, panels = make_panels(2, HEIGHT)
    lengths = {"short": runs, "full length": at_full_length(runs)}
    for panel, (length, table) in zip(panels, lengths.items(), strict=True):
        rows = table[table["setting"] == "routed"].sort_values("lowest_recall", ignore_index=True)
        for colour, measure in zip(OKABE_ITO, ("read_accuracy", "lowest_recall"), strict=False):
            label = measure.replace("_", " ")
            panel.plot(
                rows.index, rows[measure], ls="", marker="o", ms=3.5, color=colour, label=label
            )
        good = share_of_good_runs(table)
        panel.set(
            title=f"{length}: {round(good.mean * good.n)} of {good.n} runs are good",
            xlabel="run",
            ylim=(-0.03, 1.03),
        )
        panel.axhline(GOOD_RECALL, color=GREY, lw=0.9, ls=":", label="least recall of a good run")
        panel.yaxis.set_major_formatter(as_percent)
    add_legend(figure, panels[0], 3)
    return figure


@styled
def draw_halves(runs: pd.DataFrame, names: Sequence[str]) -> Figure:
    """What the certificates can draw of their own and of foreign digits, by setting."""
    figure, (panel,) = make_panels(1, 3.4, width=1.7 * PANEL_WIDTH)
    measures = {"own_explained": "own digits", "foreign_explained": "foreign digits"}
    for colour, (measure, label) in zip(OKABE_ITO, measures.items(), strict=False):
        for place, name in enumerate(names):
            result = estimate(values_of(runs, name, measure))
            ends = [[result.mean - result.low], [result.high - result.mean]]
            text = label if place == 0 else None
            panel.errorbar(
                result.mean, place, xerr=ends, color=colour, fmt="o", ms=4, capsize=3, label=text
            )
    panel.set_yticks(range(len(names)), names)
    panel.invert_yaxis()
    panel.axvline(0, color=GREY, lw=0.8)
    panel.set_xlabel("share of the blind image's absolute error that a certificate does away with")
    panel.xaxis.set_major_formatter(as_percent)
    panel.legend()
    return figure


@styled
def draw_absorption(study: Resolved, runs: pd.DataFrame) -> Figure:
    """Read accuracy against the share of images that are routed, and that are routed wrongly."""
    figure, panels = make_panels(2, HEIGHT)
    panels[0].set(xscale="log", xlabel="share of the images that is routed")
    panels[1].set(xlabel="share of the routes that is wrong")
    for panel, names, key in (
        (panels[0], (*ROUTED_SHARES, "routed"), "routed_images"),
        (panels[1], ("routed", *WRONG_SHARES), "wrong_labels"),
    ):
        places = [getattr(study.variant(name).recipe, key) for name in names]
        measures = ("read_accuracy", "lowest_recall", "probe_accuracy")
        for colour, measure in zip(OKABE_ITO, measures, strict=False):
            means = [estimate_of(runs, name, measure).mean for name in names]
            panel.plot(places, means, color=colour, lw=1, label=measure.replace("_", " "))
            for place, name in zip(places, names, strict=True):
                add_point(panel, place, values_of(runs, name, measure), colour, None)
        panel.set(ylim=(0, 1.03))
        panel.xaxis.set_major_formatter(as_percent)
        panel.yaxis.set_major_formatter(as_percent)
    add_legend(figure, panels[0], 3)
    return figure


@styled
@torch.no_grad()
def draw_sliders(model: VAE, sliders: Sliders) -> Figure:
    """Each slider alone along its range, and every pair of sliders at their typical values."""

    def draw(latents: torch.Tensor) -> np.ndarray:
        return torch.sigmoid(model.decode(latents)).numpy()

    both = sliders.pure[:, None] + sliders.pure[None] - sliders.rest
    both[range(DIGITS), range(DIGITS)] = sliders.pure
    figure, panels = make_panels(2, 4.4)
    draw_images(panels[0], draw(sliders.along(POSITIONS)))
    draw_images(panels[1], draw(both))
    for panel in panels:
        panel.set_yticks(centres(DIGITS), map(str, range(DIGITS)))
    panels[0].set(title="one slider", xlabel="value, from low to high")
    panels[1].set_xticks(centres(DIGITS), map(str, range(DIGITS)))
    panels[1].set(title="two sliders; on the diagonal, one")
    return figure


def routed_sliders(study: Resolved, train: ImageSet) -> tuple[VAE, Sliders]:
    """The model of `routed` with the first seed, and its sliders.

    It is trained here once more, to the same bits in seconds, so that no figure needs more of the
    runs than their table.
    """
    variant = study.variant("routed")
    model, _ = train_vae(train, train[:0], variant.recipe, variant.latent_act, study.first_seed)
    with torch.no_grad():
        latents = model.activate(model.encode(train.pixels)[0])
    own = [[digit] for digit in range(DIGITS)]
    return model, read_sliders(latents, train.labels, own, study.evaluation.slider_percentiles)


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "variants", "runs", "halves-runs", "train", "out")
def main(
    params: Path, variants: Path, runs: Path, halves_runs: Path, train: Path, out: Path
) -> None:
    study, rows = load_resolved(variants), load_table(runs)
    halves = list(load_study(params).halves.variants)
    figures: Mapping[str, Figure] = {
        "sign": draw_sign(rows),
        "regularisation": draw_regularisation(study, rows),
        "reconstruction": draw_reconstruction(rows),
        "spread": draw_spread(rows),
        "sliders": draw_sliders(*routed_sliders(study, load_images(train))),
        "split": draw_halves(load_table(halves_runs), halves),
        "absorption": draw_absorption(study, rows),
        "losses": draw_losses(rows),
    }
    for name, figure in figures.items():
        write_atomically(out / f"{name}.png", encode_png(figure))


if __name__ == "__main__":
    main()
