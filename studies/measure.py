"""Measure all runs of one variant on the test split: one row a run."""

from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_table
from grvae.measure.evaluation import class_sliders, observe
from grvae.measure.metrics import (
    accuracy,
    confusion_matrix,
    probe_accuracy,
    recall,
    squared_error_per_image,
)
from grvae.measure.sliders import latents_of_places
from grvae.measure.summary import COLLAPSED_RECALL
from grvae.model.images import ImageSet, load_images
from grvae.model.vae import VAE, load_vae
from grvae.params import Evaluation, Recipe, load_params, load_variant, read_params
from studies.classifier import Classifier, load_classifier
from studies.interventions import DIGITS, intervene, slider_fidelity
from studies.removal import leakage, relearning
from studies.runs import Study

NEGATIVE_SHARE = 0.5  # of a digit's images, from where on the digit is on the negative side


def measure(
    model: VAE,
    recipe: Recipe,
    evaluation: Evaluation,
    train: ImageSet,
    test: ImageSet,
    classifier: Classifier,
) -> dict[str, float]:
    """What the plan asks of one model, by name; `studies.plan.MEASURES` explains each.

    The latents of a digit are those that its recipe gave it. Where a recipe names none, each digit
    has the latent that the best one-to-one assignment on the train split gives it.
    """
    outcome = observe(model, recipe, evaluation, train, test)
    place_of = np.arange(DIGITS) if recipe.kind != "none" else np.argsort(outcome.assignment)
    classes = np.argsort(place_of)[outcome.scores.argmax(axis=1)]
    confusion = confusion_matrix(outcome.labels, classes, DIGITS)
    recalls = recall(confusion)

    score = outcome.scores[np.arange(len(test)), place_of[outcome.labels]]
    is_negative = [(score[outcome.labels == digit] < 0).mean() for digit in range(DIGITS)]

    sliders = class_sliders(model, recipe, outcome, place_of.tolist())
    own = latents_of_places(recipe.latents_per_class, place_of.tolist())
    fidelity = slider_fidelity(model, sliders, own, classifier)
    activations = torch.from_numpy(outcome.activations)
    moved = intervene(model, activations, test.labels, own, sliders.rest, classifier)
    train_activations = model.activate(torch.from_numpy(outcome.train_means))
    latents, labels = (train_activations, activations), (train.labels, test.labels)

    probe = probe_accuracy(outcome)
    is_good = (recalls >= COLLAPSED_RECALL).all() and fidelity["pure_recognised"] == DIGITS
    return {
        "accuracy": accuracy(confusion),
        "lowest_recall": float(recalls.min()),
        "collapsed_classes": int((recalls < COLLAPSED_RECALL).sum()),
        "probe_accuracy": probe,
        "probe_gap": probe - accuracy(confusion),
        "squared_error": squared_error_per_image(outcome),
        "negative_classes": int((np.array(is_negative) > NEGATIVE_SHARE).sum()),
        **fidelity,
        "good_run": int(is_good),
        **moved,
        "leaked": leakage(latents, labels, own, evaluation),
        **relearning(model, train, test, own, sliders.rest, classifier),
    }


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "variant", "data", "classifiers", "runs", "out")
def main(
    params: Path,
    main_params: Path,
    variant: Path,
    data: Path,
    classifiers: Path,
    runs: Path,
    out: Path,
) -> None:
    study, chosen = read_params(params, Study), load_variant(variant)
    evaluation = study.evaluation(load_params(main_params))
    files = DataFolder(data / chosen.dataset)
    train, test = load_images(files.train), load_images(files.test)
    classifier = load_classifier(classifiers / f"{chosen.dataset}.safetensors")
    rows = []
    for seed in study.seeds:
        model = load_vae(runs / f"{seed}.safetensors")
        measured = measure(model, chosen.recipe, evaluation, train, test, classifier)
        rows.append({"variant": variant.stem, "seed": seed, **measured})
    save_table(out, pd.DataFrame(rows))


if __name__ == "__main__":
    main()
