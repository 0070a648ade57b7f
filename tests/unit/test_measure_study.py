import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_arrays, save_json
from grvae.model.images import load_images
from grvae.model.vae import build_model, save_vae
from grvae.params import Variant
from studies import removal
from studies.classifier import load_classifier, train_classifier
from studies.measure import main
from studies.measure import measure as measure_model
from studies.plan import OF_A_VAE
from tests.conftest import PROJECT
from tests.handmade import brightest_of_ten, images_of, images_read_as, pixel_reader

DIGITS = torch.arange(10)
# A hundred images a digit.
LABELS = DIGITS.repeat(100)
RIGHT = images_read_as(LABELS, LABELS)
NEXT = images_read_as((LABELS + 1) % 10, LABELS)


def read_rightly(shares):
    """Images of which each digit's share is read as the digit, and all others as the next one."""
    turn = torch.arange(1000) // 10
    place = torch.where(turn < 100 * torch.tensor(shares)[LABELS], LABELS, (LABELS + 1) % 10)
    return images_read_as(place, LABELS)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Of relearning, which is slow, and tested by itself."""
    monkeypatch.setattr(removal, "STEPS", dict.fromkeys(removal.STEPS, 1))


@pytest.fixture
def measure(params, recipe):
    """The measures of a model whose recipe names its latents, unless it is said to name none."""

    def run(model, train, test, **changes):
        changed = recipe.model_copy(update=changes)
        return measure_model(model, changed, params.evaluation, train, test, brightest_of_ten)

    return run


def test_model_that_does_all_that_is_asked_for_is_measured_so(measure):
    measured = measure(pixel_reader(), RIGHT, RIGHT)
    assert set(measured) == set(OF_A_VAE)
    assert measured["accuracy"] == measured["lowest_recall"] == measured["good_run"] == 1
    assert (
        measured["collapsed_classes"] == measured["negative_classes"] == measured["probe_gap"] == 0
    )
    assert measured["steps_recognised"] == measured["swapped"] == measured["copied"] == 1
    assert measured["pure_recognised"] == 10
    # Where nothing is lit the reader names a 0: a digit that is ablated is lost, but for the 0.
    assert measured["ablated"] == pytest.approx(0.9)


def test_digit_is_damaged_below_a_recall_of_85_per_cent_and_a_run_with_one_is_not_good(measure):
    measured = measure(pixel_reader(), RIGHT, read_rightly([0.84, 0.85, 0.86, 0.5, *[1] * 6]))
    assert measured["collapsed_classes"] == 2
    assert measured["lowest_recall"] == 0.5
    assert measured["accuracy"] == pytest.approx((0.84 + 0.85 + 0.86 + 0.5 + 6) / 10)
    for lowest, is_good in ((0.85, 1), (0.84, 0)):
        measured = measure(pixel_reader(), RIGHT, read_rightly([1.0] * 9 + [lowest]))
        assert measured["good_run"] == is_good


def test_run_is_not_good_where_one_slider_does_not_draw_its_digit(measure):
    model = pixel_reader()
    with torch.no_grad():
        model.decoder.weight[4] = 0
    measured = measure(model, RIGHT, RIGHT)
    assert (measured["accuracy"], measured["pure_recognised"]) == (1, 9)
    assert measured["good_run"] == 0


def test_digit_is_negative_where_its_own_mean_is_below_zero_on_more_than_half_its_images(measure):
    # Means are 0.5 below the pixels: 0.9 in place of the digits that count as positive.
    codes = 0.9 * torch.eye(10)[LABELS]
    for digit, dark in ((2, 50), (5, 51), (7, 100)):
        shown = torch.arange(1000) // 10 < dark
        codes[(digit == LABELS) & shown] = 0
        # What other latents say of the image does not count.
        codes[(digit == LABELS) & shown, 0] = 0.9
    codes[LABELS == 8] = 0.5 * torch.eye(10)[8]  # a mean of 0 is not below it
    model = pixel_reader(latent_act="none")
    with torch.no_grad():
        model.mean_head.bias.fill_(-0.5)
    assert measure(model, RIGHT, images_of(codes, LABELS))["negative_classes"] == 2


@pytest.mark.parametrize(
    ("recipe_of", "has_names"),
    [
        ({"routing": "none"}, False),
        ({"routing": "label"}, True),
        ({"routing": "none", "cross_entropy_weight": 1.0}, True),
        ({"routing": "none", "class_prior_mean": 6.0}, True),
    ],
)
def test_model_is_read_by_its_names_or_else_as_the_train_split_says(measure, recipe_of, has_names):
    assert measure(pixel_reader(), NEXT, NEXT, **recipe_of)["accuracy"] == (not has_names)
    assert measure(pixel_reader(), NEXT, RIGHT, **recipe_of)["accuracy"] == has_names


def test_latents_that_the_assignment_gives_the_digits_are_moved_and_meddled_with(measure):
    model = pixel_reader()
    with torch.no_grad():  # it shows latent d + 1 as digit d, and latent 0 as digit 9
        model.decoder.weight[:10] = model.decoder.weight[:10].roll(-1, dims=0)
    measured = measure(model, NEXT, NEXT, routing="none")
    assert measured["steps_recognised"] == measured["swapped"] == measured["copied"] == 1
    assert (measured["pure_recognised"], measured["good_run"]) == (10, 1)


def test_digit_of_two_latents_is_read_and_moved_by_both(measure):
    # On half the images of a digit its first latent is lit, on the others its second.
    half = torch.arange(1000) // 10 % 2
    images = images_of(torch.eye(20)[2 * LABELS + half], LABELS)
    model = pixel_reader(20)
    with torch.no_grad():  # both are shown at the digit's pixel
        model.decoder.weight[:10] = torch.eye(10).repeat_interleave(2, dim=1)
    measured = measure(model, images, images, latents_per_class=2)
    assert measured["accuracy"] == measured["swapped"] == measured["copied"] == 1
    assert measured["ablated"] == pytest.approx(0.9)
    assert measured["negative_classes"] == 0


def test_gap_is_what_a_probe_reads_beyond_the_largest_latent(measure):
    measured = measure(pixel_reader(), NEXT, read_rightly([0.25] * 10))
    assert measured["accuracy"] == pytest.approx(0.25)
    assert measured["probe_accuracy"] == pytest.approx(0.75)
    assert measured["probe_gap"] == pytest.approx(0.5)


def save_noise(path, images, seed):
    """Write images without meaning: what a probe reads off them depends on which it was shown."""
    pixels = np.random.default_rng(seed).integers(0, 256, (images, 28, 28), np.uint8)
    save_arrays(path, {"images": pixels, "labels": np.arange(images) % 10})


def test_table_has_what_is_measured_of_the_run_of_each_seed(params, recipe, images, tmp_path):
    small = {"variants": [], "seeds": [7, 3], "datasets": [], "runs": {}, "probe_images": 100}
    YAML().dump(small, tmp_path / "study.yaml")
    variant = Variant(dataset="digits", latent_act="abs", recipe=recipe)
    save_json(tmp_path / "tiny.json", variant.model_dump())
    splits = DataFolder(tmp_path / "data" / "digits")
    save_noise(splits.train, 200, seed=0)
    save_noise(splits.test, 70, seed=1)
    weights = train_classifier(images, seed=0, steps=1).state_dict()
    classifier_file = tmp_path / "classifiers" / "digits.safetensors"
    save_arrays(classifier_file, {name: value.numpy() for name, value in weights.items()})
    models = {seed: build_model(recipe, "abs", seed) for seed in (7, 3)}
    for seed, model in models.items():
        save_vae(tmp_path / "runs" / f"{seed}.safetensors", model)

    files = {"params": "study.yaml", "variant": "tiny.json", "out": "tiny.csv"}
    files |= {folder: folder for folder in ("data", "classifiers", "runs")}
    words = [f"--{option}={tmp_path / file}" for option, file in files.items()]
    words.append(f"--main-params={PROJECT / 'params.yaml'}")
    CliRunner().invoke(main, words, catch_exceptions=False)

    evaluation = params.evaluation.model_copy(update={"probe_images": 100})
    train, test = load_images(splits.train), load_images(splits.test)
    classifier = load_classifier(classifier_file)
    rows = [
        {"variant": "tiny", "seed": seed}
        | measure_model(model, recipe, evaluation, train, test, classifier)
        for seed, model in models.items()
    ]
    pd.testing.assert_frame_equal(load_table(tmp_path / "tiny.csv"), pd.DataFrame(rows))
