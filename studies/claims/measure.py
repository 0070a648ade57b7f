"""Measure all runs of one setting on the test split: one row a run."""

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from grvae.base.command import PATH, StageCommand
from grvae.base.sizes import DIGITS
from grvae.base.storage import save_table
from grvae.measure.metrics import (
    accuracy,
    assigned_confusion,
    best_assignment,
    confusion_matrix,
    recall,
)
from grvae.measure.probe import probe_accuracy
from grvae.model.images import ImageSet, load_images, split_validation
from grvae.model.losses import squared_error
from grvae.model.routing import digit_scores
from grvae.model.vae import VAE, load_vae
from grvae.params import Recipe
from studies.claims.disentanglement import disentanglement
from studies.claims.reader import load_judge
from studies.claims.runs import file_sha256, one_by_core, run_file
from studies.claims.slider_fidelity import slider_fidelity
from studies.claims.study import Study, load_study

# Enough for a probe of some tens of weights, and eight times faster than on all images.
PROBE_IMAGES = 10_000


@torch.no_grad()
def measure(
    model: VAE, recipe: Recipe, train: ImageSet, test: ImageSet, judge: torch.nn.Module
) -> dict[str, float]:
    """What the claims ask of one model, by name; shares in [0, 1].

    `read_accuracy` is the share of the images whose digit is read off the latents, as that of the
    largest mean; `lowest_recall` is that share for the worst digit. The latents of a digit are
    those that its recipe gave it. Where a recipe names none, each digit has the latent that the
    best one-to-one assignment on the train split gives it.
    """
    train_mean, mean = model.encode(train.pixels)[0], model.encode(test.pixels)[0]
    activations = model.activate(mean)
    reconstructions = torch.sigmoid(model.decode(activations))
    train_labels, labels = train.labels.numpy(), test.labels.numpy()
    scores, activated_scores, train_scores = (
        digit_scores(values, recipe.latents_per_digit).numpy()
        for values in (mean, activations, train_mean)
    )
    confusion, activated_confusion = (
        confusion_matrix(labels, each.argmax(axis=1), DIGITS) for each in (scores, activated_scores)
    )
    assignment = best_assignment(
        confusion_matrix(train_labels, train_scores.argmax(axis=1), DIGITS)
    )
    block_of = np.arange(DIGITS) if names_latents(recipe) else np.argsort(assignment)

    read = confusion_matrix(labels, np.argsort(block_of)[scores.argmax(axis=1)], DIGITS)
    is_negative = scores[np.arange(len(labels)), block_of[labels]] < 0
    negative = [float(is_negative[labels == digit].mean()) for digit in range(DIGITS)]
    blocks = np.arange(DIGITS * recipe.latents_per_digit).reshape(DIGITS, -1)
    sliders = slider_fidelity(
        model, model.activate(train_mean), train.labels, blocks[block_of].tolist(), judge
    )
    few = slice(0, PROBE_IMAGES)
    return {
        "read_accuracy": accuracy(read),
        "argmax_accuracy": accuracy(confusion),
        "activated_accuracy": accuracy(activated_confusion),
        "assigned_accuracy": accuracy(assigned_confusion(confusion, assignment)),
        "lowest_recall": float(recall(read).min()),
        "probe_accuracy": probe_accuracy(
            train_mean[few].numpy(), train_labels[few], mean.numpy(), labels
        ),
        "squared_error": squared_error(test.pixels, reconstructions).mean().item(),
        "negative_digits": sum(share > 0.5 for share in negative),
        **{f"negative_share_{digit}": share for digit, share in enumerate(negative)},
        **scalars(sliders),
        **scalars(disentanglement(mean.numpy(), labels)),
    }


def names_latents(recipe: Recipe) -> bool:
    """Whether a recipe says which latents belong to which digit."""
    return (
        recipe.routing == "label"
        or recipe.cross_entropy_weight > 0
        or recipe.digit_prior_mean is not None
    )


def scalars(measures: object) -> dict[str, float]:
    """The single numbers among a dataclass's fields."""
    values = asdict(measures)  # type: ignore[call-overload]
    return {name: value for name, value in values.items() if not isinstance(value, list)}


def measure_run(
    study: Study, setting: str, seed: int, runs: Path, images: tuple[Path, Path], judge: Path
) -> dict[str, object]:
    """One run's row."""
    recipe, file = study.recipe_of(setting), run_file(runs, seed)
    train, _ = split_validation(load_images(images[0]), recipe.validation_fraction)
    row: dict[str, object] = {"setting": setting, "seed": seed}
    row |= measure(load_vae(file), recipe, train, load_images(images[1]), load_judge(judge))
    return row | {"weights_sha256": file_sha256(file)}


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--setting", required=True)
@click.option("--runs", type=PATH, required=True, help="Folder with the weights of all runs.")
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--judge", "judge_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def main(
    params_file: Path,
    setting: str,
    runs: Path,
    train_file: Path,
    test_file: Path,
    judge_file: Path,
    out: Path,
) -> None:
    """Measure all runs of one setting."""
    study, images = load_study(params_file), (train_file, test_file)
    cases = [(study, setting, seed, runs, images, judge_file) for seed in study.seeds_of(setting)]
    save_table(out, pd.DataFrame(one_by_core(measure_run, cases)))


if __name__ == "__main__":
    main()
