"""Measure all runs of one variant on the test split: one row a run."""

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.sizes import DIGITS
from grvae.base.storage import save_table
from grvae.measure.evaluation import digit_sliders, observe
from grvae.measure.metrics import (
    Outcome,
    accuracy,
    argmax_accuracy,
    assigned_accuracy,
    confusion_matrix,
    probe_accuracy,
    recall,
    squared_error_per_image,
)
from grvae.model.images import ImageSet, load_images
from grvae.model.routing import digit_scores, names_latents
from grvae.model.vae import VAE, load_vae
from grvae.params import Evaluation, Recipe
from studies.claims.disentanglement import disentanglement
from studies.claims.reader import Reader, load_reader
from studies.claims.runs import file_sha256, one_by_core, run_file
from studies.claims.slider_fidelity import slider_fidelity
from studies.claims.study import StudyVariant, load_resolved


def measure(
    model: VAE,
    recipe: Recipe,
    evaluation: Evaluation,
    train: ImageSet,
    test: ImageSet,
    reader: Reader,
) -> dict[str, float]:
    """What the claims ask of one model, by name; shares in [0, 1].

    `read_accuracy` is the share of the images whose digit is read off the latents, as that of the
    largest mean; `lowest_recall` is that share for the worst digit. The latents of a digit are
    those that its recipe gave it. Where a recipe names none, each digit has the latent that the
    best one-to-one assignment on the train split gives it.
    """
    outcome = observe(model, recipe, evaluation, train, test)
    place_of = np.arange(DIGITS) if names_latents(recipe) else np.argsort(outcome.assignment)
    read_as = np.argsort(place_of)[outcome.scores.argmax(axis=1)]
    read = confusion_matrix(outcome.labels, read_as, DIGITS)
    activated = digit_scores(torch.from_numpy(outcome.activations), recipe.latents_per_digit)
    activated_confusion = confusion_matrix(outcome.labels, activated.argmax(dim=1).numpy(), DIGITS)
    negative = negative_shares(outcome, place_of)
    sliders = digit_sliders(model, recipe, outcome, place_of.tolist())
    return {
        "read_accuracy": accuracy(read),
        "argmax_accuracy": argmax_accuracy(outcome),
        "activated_accuracy": accuracy(activated_confusion),
        "assigned_accuracy": assigned_accuracy(outcome),
        "lowest_recall": float(recall(read).min()),
        "probe_accuracy": probe_accuracy(outcome),
        "squared_error": squared_error_per_image(outcome),
        "negative_digits": sum(share > 0.5 for share in negative),
        **{f"negative_share_{digit}": share for digit, share in enumerate(negative)},
        **scalars(slider_fidelity(model, sliders, reader)),
        **scalars(disentanglement(outcome.means, outcome.labels)),
    }


def negative_shares(outcome: Outcome, place_of: np.ndarray) -> list[float]:
    """For each digit, what share of its images have a negative score at its place (digit,)."""
    images = np.arange(len(outcome.labels))
    is_negative = outcome.scores[images, place_of[outcome.labels]] < 0
    return [float(is_negative[outcome.labels == digit].mean()) for digit in range(DIGITS)]


def scalars(measures: object) -> dict[str, float]:
    """The single numbers among a dataclass's fields."""
    values = asdict(measures)  # type: ignore[call-overload]
    return {name: value for name, value in values.items() if not isinstance(value, list)}


def measure_run(
    name: str,
    variant: StudyVariant,
    evaluation: Evaluation,
    seed: int,
    weights: Path,
    data: Path,
    readers: Path,
) -> dict[str, object]:
    """One run's row."""
    files = DataFolder(data / variant.dataset)
    reader = load_reader(readers / f"{variant.dataset}.safetensors")
    splits = load_images(files.train), load_images(files.test)
    measured = measure(load_vae(weights), variant.recipe, evaluation, *splits, reader)
    return {"setting": name, "seed": seed, **measured, "weights_sha256": file_sha256(weights)}


@click.command(cls=StageCommand, help=__doc__)
@paths("variants", "data", "readers", "runs", "out")
@click.option("--variant", required=True)
def main(variants: Path, data: Path, readers: Path, runs: Path, out: Path, variant: str) -> None:
    study = load_resolved(variants)
    chosen = study.variant(variant)
    cases = [
        (variant, chosen, study.evaluation, seed, run_file(runs, seed), data, readers)
        for seed in study.seeds_of(variant)
    ]
    save_table(out, pd.DataFrame(one_by_core(measure_run, cases)))


if __name__ == "__main__":
    main()
