import math

import numpy as np
import pytest
import torch

from grvae.measure.evaluation import draw_samples, measure
from grvae.model.images import ImageSet
from grvae.model.training import build_model, train_vae


@pytest.fixture
def model(images, recipe):
    longer = recipe.model_copy(update={"epochs": 120, "learning_rate": 0.004})
    return train_vae(images, images[:0], longer, "relu", 0)[0]


def test_measures_agree_with_their_definitions(model, images):
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


def test_trained_model_is_read_by_argmax_and_by_probe(model, images):
    measures = measure(model, images, images)
    assert measures.argmax_accuracy > 0.8
    assert measures.probe_accuracy > 0.8
    assert measures.assigned_accuracy >= measures.argmax_accuracy
    assert measures.dead_latents == 0


def test_measures_do_not_depend_on_the_order_of_the_images(model, images):
    shuffled = images[torch.randperm(200, generator=torch.Generator().manual_seed(1))]
    first, second = measure(model, images, images), measure(model, images, shuffled)
    assert first.confusion == second.confusion
    assert first.squared_error_per_image == pytest.approx(second.squared_error_per_image, rel=1e-5)


def test_kl_of_a_posterior_without_spread_is_left_out(recipe, images):
    published = recipe.model_copy(update={"posterior": "as_published"})
    model = build_model(published, "relu", 0)
    torch.nn.init.zeros_(model.scale_head.weight)
    torch.nn.init.zeros_(model.scale_head.bias)
    assert measure(model, images, images).kl_per_image is None


def test_kl_counts_the_published_noise_as_the_deviation_it_is(recipe, images):
    published = recipe.model_copy(update={"posterior": "as_published"})
    model = build_model(published, "relu", 0)
    for head in (model.mean_head, model.scale_head):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    torch.nn.init.constant_(model.scale_head.bias, -2.0)
    expected = 10 * 0.5 * (4 - math.log(4) - 1)
    assert measure(model, images, images).kl_per_image == pytest.approx(expected, rel=1e-5)


def test_samples_are_images_and_traversals_cross_their_range(model, images):
    samples = draw_samples(model, list(range(10)), images, images)
    assert samples["originals"].shape == samples["reconstructions"].shape == (10, 784)
    assert samples["traversal"].shape[:2] == samples["traversal_values"].shape
    assert np.all(np.diff(samples["traversal_values"]) >= 0)
    assert all(0 <= samples[name].min() <= samples[name].max() <= 1 for name in ("pure", "sweep"))


def test_only_the_traversed_latent_moves(model, images):
    samples = draw_samples(model, list(range(10)), images, images)
    with torch.no_grad():
        latents = model.encode(images.pixels)[0].relu()
        values = latents.median(dim=0).values
        values[4] = torch.from_numpy(samples["traversal_values"])[4, -1]
        expected = torch.sigmoid(model.decode(values))
    np.testing.assert_allclose(samples["traversal"][4, -1], expected, atol=1e-6)


def test_sweep_starts_at_each_pure_digit_through_the_assigned_latents(model, images):
    assignment = [3, 1, 2, 0, 4, 5, 6, 7, 8, 9]
    samples = draw_samples(model, assignment, images, images)
    frames = len(samples["sweep"]) // 10
    np.testing.assert_allclose(samples["sweep"][::frames], samples["pure"], atol=1e-6)


def test_test_images_do_not_move_the_range_of_the_latents(model, images):
    brighter = ImageSet(images.pixels.sqrt(), images.labels)
    first, second = (
        draw_samples(model, list(range(10)), images, test) for test in (images, brighter)
    )
    assert np.array_equal(first["traversal_values"], second["traversal_values"])
