"""How well the trained models read digits as people draw them, by digit and variant.

The drawings are those of benchmarks/strokes.py: forms of each digit (a seven with a bar, a
slashed zero), each drawn by several hands (slanted, small, trembling). They take the page's own way
from strokes to pixels, without the page's 8-bit weights.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.pages import write_page
from benchmarks.strokes import Drawing, images
from grvae.base.command import StageCommand, paths
from grvae.base.image_spec import MNIST
from grvae.base.layout import run_folder
from grvae.base.statistics import estimate_median
from grvae.base.storage import load_json, save_json
from grvae.model.vae import VAE, load_vae
from grvae.params import load_params
from grvae.use.demo_bundle import assignment_of

OFTEN = 0.5  # of a variant's seeds misread a drawing that is named

DIGITS = range(len(MNIST.classes))


@torch.no_grad()
def read_drawings(
    model: VAE, pixels: NDArray[np.float32], assignment: Sequence[int]
) -> NDArray[np.int64]:
    """The digit (drawing,) that a model takes each drawing (drawing, 784) for."""
    means, _ = model.encode(torch.from_numpy(pixels))
    read: NDArray[np.int64] = np.array(assignment)[means.argmax(dim=1).numpy()]
    return read


def rates_of(is_right: dict[int, NDArray[np.bool_]], drawn: Sequence[Drawing]) -> dict[str, Any]:
    """A variant's rates by seed, and the drawings that it misreads with half its seeds or more.

    Args:
        is_right: by seed, whether each drawing (drawing,) is read right.
        drawn: what is read.
    """
    digits = np.array([each.digit for each in drawn])
    seeds = {
        str(seed): {
            "all": float(right.mean()),
            "digits": {str(digit): float(right[digits == digit].mean()) for digit in DIGITS},
        }
        for seed, right in is_right.items()
    }
    misread = 1 - np.mean(list(is_right.values()), axis=0)
    often = [drawn[place] for place in np.flatnonzero(misread >= OFTEN).tolist()]
    return {"seeds": seeds, "often_misread": [f"{each.digit} {each.style}" for each in often]}


def rows_of(rates: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a variant: over seeds the median of all and the lowest, and the mean of each digit."""
    rows = []
    for variant in rates["order"]:
        found = rates["variants"][variant]
        seeds = found["seeds"].values()
        whole = np.array([seed["all"] for seed in seeds])
        rows.append(
            {
                "variant": variant,
                "all": estimate_median(whole),
                "lowest": whole.min(),
                "digits": [np.mean([s["digits"][str(d)] for s in seeds]) for d in DIGITS],
                "often_misread": found["often_misread"],
            }
        )
    return rows


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "runs", "out", "table")
def drawn_styles(params: Path, runs: Path, out: Path, table: Path) -> None:
    """Write the rates, and the table of them."""
    asked, (drawn, pixels) = load_params(params), images()
    digits = np.array([each.digit for each in drawn])
    variants = {}
    for variant in asked.variants:
        recipe, is_right = asked.variant(variant).recipe, {}
        for seed in asked.seeds:
            files = run_folder(runs, variant, seed)
            assignment = assignment_of(recipe, load_json(files.measures))
            is_right[seed] = read_drawings(load_vae(files.weights), pixels, assignment) == digits
        variants[variant] = rates_of(is_right, drawn)
    forms = {(each.digit, each.style.split()[0]) for each in drawn}
    rates = {
        "drawings": len(drawn),
        "forms": len(forms),
        "order": asked.variants,
        "variants": variants,
    }
    save_json(out, rates)
    write_page(table, {**rates, "rows": rows_of(rates)})


if __name__ == "__main__":
    drawn_styles()
