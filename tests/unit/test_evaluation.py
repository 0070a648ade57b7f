import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from grvae.measure.evaluation import TRAVERSAL_STEPS, digit_sliders, draw_samples, observe
from grvae.measure.evaluation import measure as measure_outcome
from grvae.measure.metrics import METRICS
from grvae.measure.sliders import read_sliders
from grvae.model.images import ImageSet
from grvae.model.training import train_vae
from grvae.model.vae import build_model


@pytest.fixture
def model(images, recipe):
    longer = recipe.model_copy(update={"epochs": 120, "learning_rate": 0.004})
    return train_vae(images, images[:0], longer, "relu", 0)[0]


@pytest.fixture
def outcome_of(params, recipe):
    """What a model makes of a train and a test split."""
    return lambda model, train, test: observe(model, recipe, params.evaluation, train, test)


@pytest.fixture
def measure(outcome_of):
    """The measures of a model, as attributes."""
    return lambda *arguments: SimpleNamespace(**measure_outcome(outcome_of(*arguments)))


@pytest.fixture
def sliders(model, recipe, images, outcome_of):
    return digit_sliders(model, recipe, outcome_of(model, images, images))


def test_measures_agree_with_their_definitions(model, images, measure):
    measures = measure(model, images, images)
    with torch.no_grad():
        mean, _ = model.encode(images.pixels)
        shown = torch.sigmoid(model.decode(mean.relu()))
    right = mean.argmax(dim=1) == images.labels
    assert measures.images == 200
    assert measures.argmax_accuracy == pytest.approx(right.float().mean().item())
    assert measures.recall[3] == pytest.approx(right[images.labels == 3].float().mean().item())
    assert measures.lowest_recall == min(measures.recall)
    error = (shown - images.pixels).square().sum() / 200
    assert measures.squared_error_per_image == pytest.approx(error.item(), rel=1e-5)
    assert measures.mse_per_pixel * 784 == pytest.approx(measures.squared_error_per_image)
    assert np.sum(measures.confusion) == 200
    assert np.array(measures.mean_activation)[3, 7] == pytest.approx(
        mean.relu()[images.labels == 3, 7].mean().item(), rel=1e-4
    )


def test_trained_model_is_read_by_argmax_and_by_probe(model, images, measure):
    measures = measure(model, images, images)
    assert measures.argmax_accuracy > 0.8
    assert measures.probe_accuracy > 0.8
    assert measures.assigned_accuracy >= measures.argmax_accuracy
    assert measures.dead_latents == 0


def test_measures_do_not_depend_on_the_order_of_the_images(model, images, measure):
    shuffled = images[torch.randperm(200, generator=torch.Generator().manual_seed(1))]
    first, second = measure(model, images, images), measure(model, images, shuffled)
    assert first.confusion == second.confusion
    assert first.squared_error_per_image == pytest.approx(second.squared_error_per_image, rel=1e-5)


def test_kl_of_a_posterior_without_spread_is_left_out(recipe, images, measure):
    published = recipe.model_copy(update={"posterior": "as_published"})
    model = build_model(published, "relu", 0)
    torch.nn.init.zeros_(model.scale_head.weight)
    torch.nn.init.zeros_(model.scale_head.bias)
    assert measure(model, images, images).kl_per_image is None


def test_kl_counts_the_published_noise_as_the_deviation_it_is(recipe, images, measure):
    published = recipe.model_copy(update={"posterior": "as_published"})
    model = build_model(published, "relu", 0)
    for head in (model.mean_head, model.scale_head):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    torch.nn.init.constant_(model.scale_head.bias, -2.0)
    expected = 10 * 0.5 * (4 - math.log(4) - 1)
    assert measure(model, images, images).kl_per_image == pytest.approx(expected, rel=1e-5)


def test_every_metric_is_measured_under_its_name(model, images, measure):
    assert set(METRICS) <= set(vars(measure(model, images, images)))


def test_samples_are_images(model, images, sliders):
    samples = draw_samples(model, sliders, images)
    assert samples["originals"].shape == samples["reconstructions"].shape == (10, 784)
    assert samples["traversal"].shape == (10, TRAVERSAL_STEPS, 784)
    assert all(
        0 <= samples[name].min() <= samples[name].max() <= 1 for name in ("traversal", "sweep")
    )


def test_traversal_crosses_the_range_of_its_digit_s_slider(model, images, sliders):
    samples = draw_samples(model, sliders, images)
    with torch.no_grad():
        for end, step in ((sliders.low, 0), (sliders.high, -1)):
            expected = torch.sigmoid(model.decode(end))
            np.testing.assert_allclose(samples["traversal"][:, step], expected, atol=1e-6)
    assert (sliders.high >= sliders.low).all()


def test_only_the_traversed_latent_moves(model, images, sliders):
    samples = draw_samples(model, sliders, images)
    with torch.no_grad():
        latents = model.encode(images.pixels)[0].relu()
        values = latents.median(dim=0).values
        values[4] = float(np.percentile(latents[images.labels == 4, 4], 95))
        expected = torch.sigmoid(model.decode(values))
    np.testing.assert_allclose(samples["traversal"][4, -1], expected, atol=1e-6)


def test_sweep_starts_at_each_pure_digit_through_the_assigned_latents(
    model, recipe, images, outcome_of
):
    swapped = [3, 1, 2, 0, 4, 5, 6, 7, 8, 9]
    outcome = outcome_of(model, images, images)
    outcome = replace(outcome, train_scores=outcome.train_scores[:, swapped])
    assert outcome.assignment.tolist() == swapped
    sliders = digit_sliders(model, recipe, outcome)
    samples = draw_samples(model, sliders, images)
    frames = len(samples["sweep"]) // 10
    with torch.no_grad():
        latents = model.encode(images.pixels)[0].relu()
        own = read_sliders(latents, images.labels, [[latent] for latent in swapped], (5.0, 95.0))
        pure = torch.sigmoid(model.decode(own.pure))
    np.testing.assert_allclose(samples["sweep"][::frames], pure, atol=1e-6)


def test_test_images_do_not_move_the_sliders(model, recipe, images, outcome_of):
    brighter = ImageSet(images.pixels.sqrt(), images.labels)
    first, second = (
        digit_sliders(model, recipe, outcome_of(model, images, test)) for test in (images, brighter)
    )
    assert torch.equal(first.low, second.low)
    assert torch.equal(first.high, second.high)


def test_sliders_end_where_the_evaluation_says(model, recipe, images, outcome_of):
    outcome = outcome_of(model, images, images)
    whole = outcome.evaluation.model_copy(update={"slider_percentiles": [0.0, 100.0]})
    sliders = digit_sliders(model, recipe, replace(outcome, evaluation=whole))
    with torch.no_grad():
        own = model.encode(images.pixels)[0].relu()[images.labels == 4, 4]
    assert (sliders.low[4, 4], sliders.high[4, 4]) == (own.min(), own.max())
