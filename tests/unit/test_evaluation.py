import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from grvae.measure.evaluation import (
    SWEEP_STEPS_PER_CLASS,
    TRAVERSAL_STEPS,
    class_sliders,
    draw_samples,
    observe,
)
from grvae.measure.evaluation import measure as measure_outcome
from grvae.model.images import ImageSet
from grvae.model.vae import build_model
from tests.handmade import images_of, images_read_as, pixel_reader

DIGITS = torch.arange(10)


@pytest.fixture
def outcome_of(params, recipe):
    """What a model makes of a train and a test split."""
    return lambda model, train, test: observe(model, recipe, params.evaluation, train, test)


@pytest.fixture
def measure(outcome_of):
    """The measures of a model, as attributes."""
    return lambda *arguments: SimpleNamespace(**measure_outcome(outcome_of(*arguments)))


def coded(seed, images=200):
    """Images of which the label's latent says most, each latent something."""
    labels = torch.arange(images) % 10
    codes = 0.5 * torch.rand(images, 10, generator=torch.Generator().manual_seed(seed))
    return images_of(codes + 0.5 * F.one_hot(labels, 10), labels)


TRAIN, TEST = coded(0), coded(1, 130)
# On train every digit is read as the next one; of three test images two are read right, but those
# of digit 4 are all read as a 7.
NEXT = images_read_as((DIGITS + 1) % 10, DIGITS)
LABELS = DIGITS.repeat(3)
READ = torch.cat([DIGITS, DIGITS, (DIGITS + 1) % 10])
MOSTLY_RIGHT = images_read_as(torch.where(LABELS == 4, 7, READ), LABELS)


@pytest.fixture
def sliders(recipe, outcome_of):
    return class_sliders(pixel_reader(), recipe, outcome_of(pixel_reader(), TRAIN, TEST))


def shown(latents):
    """What a `pixel_reader` draws of latents."""
    with torch.no_grad():
        return torch.sigmoid(pixel_reader().decode(latents)).unflatten(-1, (28, 28))


def test_measures_of_a_model_worked_out_by_hand(measure):
    model = pixel_reader(scale=math.log(4))
    with torch.no_grad():  # whatever it is asked to draw is grey
        model.decoder.weight.zero_()
    measures = measure(model, NEXT, MOSTLY_RIGHT)
    assert measures.images == 30
    assert measures.argmax_accuracy == pytest.approx(18 / 30)
    assert measures.recall == pytest.approx([2 / 3 if digit != 4 else 0 for digit in range(10)])
    assert measures.lowest_recall == 0
    # Chosen on train: place p stands for digit p - 1.
    assert measures.assignment == [9, *range(9)]
    assert measures.assigned_accuracy == pytest.approx(9 / 30)
    assert measures.confusion[4] == [0, 0, 0, 0, 0, 0, 0, 3, 0, 0]
    assert measures.confusion[3] == [0, 0, 0, 2, 1, 0, 0, 0, 0, 0]
    assert measures.mean_activation[3] == pytest.approx([0, 0, 0, 2 / 3, 1 / 3, 0, 0, 0, 0, 0])
    # One pixel is 1 and all others are 0, half a unit from grey.
    assert measures.squared_error_per_image == pytest.approx(784 / 4)
    assert measures.mse_per_pixel == pytest.approx(1 / 4)
    assert measures.bce_per_image == pytest.approx(784 * math.log(2))
    # Ten latents of variance 4, one of them with mean 1.
    assert measures.kl_per_image == pytest.approx(0.5 * (1 + 10 * (4 - math.log(4) - 1)), rel=1e-5)
    assert measures.dead_latents == 0


def test_probe_is_fitted_on_the_means_of_the_train_split(measure):
    # It learns that the next place is the digit's, and is wrong wherever the argmax is right.
    measures = measure(pixel_reader(), NEXT, MOSTLY_RIGHT)
    assert measures.probe_accuracy == pytest.approx(9 / 30)


def test_probe_reads_means_and_not_what_their_activation_leaves(measure):
    model = pixel_reader()
    with torch.no_grad():
        model.mean_head.bias.fill_(-1.0)  # every activated mean is 0
    measures = measure(model, TRAIN, TEST)
    assert measures.argmax_accuracy == 1
    assert measures.probe_accuracy > 0.9
    assert measures.dead_latents == 10
    assert np.count_nonzero(measures.mean_activation) == 0


def test_error_is_that_of_decoding_the_activated_mean(measure):
    model = pixel_reader(latent_act="softplus")
    measures = measure(model, TRAIN, TEST)
    with torch.no_grad():
        logits = model.decode(F.softplus(TEST.pixels[:, :10]))
    squared = (TEST.pixels - logits.sigmoid()).square().sum(dim=1).mean().item()
    entropy = F.binary_cross_entropy_with_logits(logits, TEST.pixels, reduction="none")
    assert measures.squared_error_per_image == pytest.approx(squared)
    assert measures.bce_per_image == pytest.approx(entropy.sum(dim=1).mean().item())


def test_digit_with_two_latents_is_read_by_the_larger(params, recipe):
    # Latent 3 is digit 1's second, latents 4 and 5 are those of digit 2.
    codes = torch.zeros(10, 20)
    codes[:, 3], codes[:, 4:6] = 0.9, 0.8
    two = recipe.model_copy(update={"latents_per_class": 2})
    images = images_of(codes, DIGITS)
    outcome = observe(pixel_reader(20), two, params.evaluation, images, images)
    assert outcome.scores.argmax(axis=1).tolist() == [1] * 10
    assert outcome.train_scores.argmax(axis=1).tolist() == [1] * 10


def test_sampled_accuracy_is_of_activated_encodings_with_the_noise_of_training(params, recipe):
    # A deviation of 1000 drowns the mean, which is 1 at most; a model without noise is not sampled.
    loud = pixel_reader(latent_act="abs", scale=2 * math.log(1000))
    for noise, accuracy in ((1.0, 0.1), (1e-6, 1.0)):
        asked = recipe.model_copy(update={"noise": noise})
        outcome = observe(loud, asked, params.evaluation, TRAIN, coded(1, 2000))
        assert measure_outcome(outcome)["sampled_accuracy"] == pytest.approx(accuracy, abs=0.03)
    silent = recipe.model_copy(update={"noise": 0.0})
    assert observe(loud, silent, params.evaluation, TRAIN, TEST).sampled_scores is None


def test_kl_of_a_posterior_without_spread_is_left_out(measure):
    still = pixel_reader(posterior="as_published", scale=0.0)
    assert measure(still, TRAIN, TEST).kl_per_image is None


def test_kl_counts_the_published_noise_as_the_deviation_it_is(measure):
    model = pixel_reader(posterior="as_published", scale=-2.0)
    with torch.no_grad():
        model.mean_head.weight.zero_()
    expected = 10 * 0.5 * (4 - math.log(4) - 1)
    assert measure(model, TRAIN, TEST).kl_per_image == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("variant", ["gated", "published"])
def test_what_is_measured_and_drawn_does_not_depend_on_the_number_of_threads(
    params, set_threads, variant
):
    """A machine of many cores would else write other last digits: oneDNN splits sums by threads."""
    recipe = params.variant(variant).recipe
    model, seen = build_model(recipe, "relu", 0), []
    for threads in (1, 2, 12):
        set_threads(threads)
        outcome = observe(model, recipe, params.evaluation, TRAIN, TEST)
        samples = draw_samples(model, class_sliders(model, recipe, outcome), TEST)
        arrays = [outcome.means, outcome.squared_error.numpy()]
        seen.append([each.tobytes() for each in (*arrays, *samples.values())])
    assert all(other == seen[0] for other in seen[1:])


def test_every_image_is_measured_whatever_a_part_holds(outcome_of, monkeypatch):
    whole = outcome_of(pixel_reader(), TRAIN, TEST)
    monkeypatch.setattr("grvae.model.images.AT_ONCE", 7)
    parts = outcome_of(pixel_reader(), TRAIN, TEST)
    for name in ("means", "train_means", "squared_error", "binary_cross_entropy", "kl"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_nothing_that_is_chosen_reads_a_test_image(recipe, outcome_of):
    poison = ImageSet(torch.full_like(TEST.pixels, math.nan), TEST.labels)
    model = pixel_reader()
    clean, poisoned = (outcome_of(model, TRAIN, test) for test in (TEST, poison))
    assert poisoned.assignment.tolist() == clean.assignment.tolist() == list(range(10))
    ends = [class_sliders(model, recipe, outcome) for outcome in (clean, poisoned)]
    for name in ("rest", "low", "high", "pure"):
        assert torch.equal(*(getattr(end, name) for end in ends))


def test_nothing_but_what_is_chosen_reads_a_train_image(measure):
    # Bright and wrong: were it measured, each of these numbers would move.
    other = images_read_as((DIGITS + 3) % 10, DIGITS)
    first, second = (measure(pixel_reader(), train, MOSTLY_RIGHT) for train in (NEXT, other))
    chosen = {"assignment", "assigned_accuracy", "probe_accuracy"}
    kept = [{k: v for k, v in vars(m).items() if k not in chosen} for m in (first, second)]
    assert kept[0] == kept[1]
    assert {k for k in chosen if getattr(first, k) == getattr(second, k)} == set()


def test_originals_are_the_first_test_image_of_each_digit_beside_what_is_made_of_them(sliders):
    turned, model = TEST[torch.arange(len(TEST)).flip(0)], pixel_reader()
    with torch.no_grad():
        model.mean_head.bias.fill_(-0.5)  # below 0 on some images, and there at rest
    samples = draw_samples(model, sliders, turned)
    firsts = [len(TEST) - 1 - TEST.labels.tolist()[::-1].index(digit) for digit in range(10)]
    assert np.array_equal(samples["originals"], TEST.pixels[firsts].view(-1, 28, 28))
    expected = shown((TEST.pixels[firsts, :10] - 0.5).relu())
    np.testing.assert_allclose(samples["reconstructions"], expected, atol=1e-6)


def test_traversal_moves_one_latent_along_its_digit_s_slider(sliders):
    samples = draw_samples(pixel_reader(), sliders, TEST)
    codes = TRAIN.pixels[:, :10]
    ends = np.percentile(codes[TRAIN.labels == 4, 4], [5, 95])
    for step, value in enumerate(np.linspace(*ends, TRAVERSAL_STEPS)):
        latents = codes.median(dim=0).values
        latents[4] = float(value)
        np.testing.assert_allclose(samples["traversal"][4, step], shown(latents), atol=1e-6)
    assert samples["traversal"].shape == (10, TRAVERSAL_STEPS, 28, 28)


def test_sweep_goes_evenly_from_each_pure_digit_to_the_next_and_back_to_the_first(sliders):
    sweep = draw_samples(pixel_reader(), sliders, TEST)["sweep"]
    steps = SWEEP_STEPS_PER_CLASS
    assert sweep.shape == (10, steps, 28, 28)
    for digit, step in ((0, 0), (3, 5), (9, steps - 1)):
        start, end = sliders.pure[digit], sliders.pure[(digit + 1) % 10]
        expected = shown(start + (end - start) * step / steps)
        np.testing.assert_allclose(sweep[digit, step], expected, atol=1e-6)


def test_slider_moves_the_latent_that_the_assignment_gives_its_digit(recipe, outcome_of):
    # On train, digit d is read at place d + 1.
    labels, codes = (TRAIN.labels - 1) % 10, TRAIN.pixels[:, :10]
    train = images_of(codes, labels)
    sliders = class_sliders(pixel_reader(), recipe, outcome_of(pixel_reader(), train, TEST))
    rest = codes.median(dim=0).values
    assert sliders.pure[3, 4] == codes[labels == 3, 4].median()
    assert torch.equal(sliders.pure[3, [3, 5]], rest[[3, 5]])


def test_slider_moves_all_latents_of_a_digit_together(params, recipe):
    two = recipe.model_copy(update={"latents_per_class": 2})
    codes = torch.rand(200, 20, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 10
    codes[torch.arange(200), 2 * labels] += 1
    train = images_of(codes, labels)
    model = pixel_reader(20)
    sliders = class_sliders(model, two, observe(model, two, params.evaluation, train, train))
    assert (sliders.pure[3] != sliders.rest).nonzero().flatten().tolist() == [6, 7]


def test_sliders_end_where_the_evaluation_says_on_activated_means(recipe, outcome_of):
    model = pixel_reader()
    with torch.no_grad():
        model.mean_head.bias.fill_(-0.7)  # below 0 on some images, and there at rest
    outcome = outcome_of(model, TRAIN, TEST)
    whole = outcome.evaluation.model_copy(update={"slider_percentiles": [0.0, 100.0]})
    sliders = class_sliders(model, recipe, replace(outcome, evaluation=whole))
    own = (TRAIN.pixels[TRAIN.labels == 4, 4] - 0.7).relu()
    assert own.min() == 0
    assert (sliders.low[4, 4], sliders.high[4, 4]) == (own.min(), own.max())
