import math

import pytest
import torch
import torch.nn.functional as F

from grvae.model.losses import (
    binary_cross_entropy,
    classification_loss,
    hinge_term,
    kl_as_published,
    kl_term,
    kl_to_nearest_normal,
    kl_to_standard_normal,
    kl_weight,
    prior_ramp,
    reconstruction_term,
    squared_error,
)

TWO_PIXELS = torch.tensor([[0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)


def test_squared_error_is_summed_over_pixels_and_kept_per_image():
    other = torch.tensor([[0.5, 0.0], [0.5, 0.0]], dtype=torch.float64)
    assert squared_error(TWO_PIXELS, other).tolist() == [1.25, 0.25]


def test_cross_entropy_of_an_undecided_decoder_is_one_bit_a_pixel():
    logits = torch.zeros(2, 2, dtype=torch.float64)
    expected = [2 * math.log(2)] * 2
    assert binary_cross_entropy(TWO_PIXELS, logits).tolist() == pytest.approx(expected)


def test_kl_of_the_standard_normal_to_itself_is_zero():
    zeros = torch.zeros(3, 10, dtype=torch.float64)
    assert kl_to_standard_normal(zeros, zeros).tolist() == [0, 0, 0]


def test_kl_of_a_hand_computed_gaussian():
    mean, variance = torch.tensor([[2.0]]), 3.0
    expected = 0.5 * (4 + 3 - math.log(3) - 1)
    log_variance = torch.tensor([[math.log(variance)]])
    assert kl_to_standard_normal(mean, log_variance).item() == pytest.approx(expected)


def test_kl_is_torch_distributions_kl():
    mean, log_variance = torch.randn(2, 5, 10, dtype=torch.float64)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(dim=1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_published_regulariser_averages_over_latents_and_is_smallest_without_noise():
    mean = torch.tensor([[1.0, 3.0], [0.0, 2.0]])
    scale = torch.zeros(2, 2, requires_grad=True)
    value = kl_as_published(mean, scale)
    assert value.tolist() == [((1 + 1) + (9 + 1)) / 2, (1 + (4 + 1)) / 2]
    value.sum().backward()
    assert scale.grad.tolist() == [[0, 0], [0, 0]]


def test_prior_moves_evenly_between_the_two_ends_of_the_recipe_s_ramp(recipe):
    ramp = recipe.model_copy(update={"prior_ramp": [0.2, 0.6]})
    moved = [prior_ramp(progress, ramp) for progress in (0.0, 0.2, 0.3, 0.4, 0.6, 1.0)]
    assert moved == pytest.approx([0, 0, 0.25, 0.5, 1, 1])


def test_weight_of_the_kl_term_moves_with_the_prior(recipe):
    weighted = recipe.model_copy(update={"kl_weight": 0.5, "final_kl_weight": 2.5})
    assert [kl_weight(ramp, weighted) for ramp in (0.0, 0.25, 1.0)] == [0.5, 1.0, 2.5]


def test_cross_entropy_is_pytorch_s():
    pixels, logits = torch.rand(2, 5, 784, generator=torch.Generator().manual_seed(0)) * 4 - 2
    expected = F.binary_cross_entropy_with_logits(logits, pixels.sigmoid(), reduction="none")
    torch.testing.assert_close(binary_cross_entropy(pixels.sigmoid(), logits), expected.sum(dim=1))


@pytest.mark.parametrize("term", ["squared_error", "binary_cross_entropy"])
def test_reconstruction_term_is_the_recipe_s_and_takes_logits(recipe, term):
    # Logits of ln 3 are shown as pixels of 3 / 4.
    logits = torch.full((2, 2), math.log(3))
    asked = recipe.model_copy(update={"reconstruction": term})
    expected = {
        "squared_error": [0.75**2 + 0.25**2, 2 * 0.25**2],
        "binary_cross_entropy": [
            math.log(4) + math.log(4 / 3),
            2 * (math.log(4) + math.log(4 / 3)) / 2,
        ],
    }
    value = reconstruction_term(TWO_PIXELS.float(), logits, asked)
    assert value.tolist() == pytest.approx(expected[term], rel=1e-6)


def test_mean_within_the_slack_is_free_and_beyond_it_costs_by_its_distance_from_the_band():
    # The band is from -1 to 3: these means lie in it, on its ends, 2 above and 3 below.
    mean = torch.tensor([[0.0], [3.0], [-1.0], [5.0], [-4.0]])
    kl = kl_to_nearest_normal(mean, torch.zeros(5, 1), 1.0, 2.0)
    assert kl.tolist() == [0, 0, 0, 2.0, 4.5]


def test_prior_may_be_another_for_each_latent_and_the_spread_is_counted():
    mean, log_variance = torch.tensor([[1.0, 5.0]]), torch.tensor([[0.0, 1.0]])
    kl = kl_to_nearest_normal(mean, log_variance, torch.tensor([[1.0, 2.0]]), 0.0)
    assert kl.item() == pytest.approx(0.5 * (9 + math.e - 2))


MEAN, OWNED = torch.tensor([[2.0, -3.0]]), torch.tensor([[1.0, 0.0]])
UNIT = torch.zeros(1, 2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (1 + 16) / 2),  # the prior has moved half of the way to 2
        ({"prior_dead_zone": 0.5}, (0.5**2 + 3.5**2) / 2),
        ({"class_prior_mean": 4.0}, (4 + 16) / 2),  # the digit's own latent has its own prior
        ({"class_prior_mean": 0.0}, (4 + 16) / 2),
        ({"posterior": "as_published"}, (4 + 1 + 9 + 1) / 2),
    ],
)
def test_regulariser_is_the_recipe_s(recipe, changes, expected):
    asked = {"prior_mean": 2.0, "prior_dead_zone": 0.0, "class_prior_mean": None}
    asked = recipe.model_copy(update=asked | changes)
    assert kl_term(MEAN, UNIT, OWNED, asked, 0.5).item() == pytest.approx(expected)


def test_regulariser_pulls_the_mean_towards_the_band_and_not_within_it():
    mean = torch.tensor([[0.5, 3.0, -4.0]], requires_grad=True)
    kl_to_nearest_normal(mean, torch.zeros(1, 3), 1.0, 1.0).sum().backward()
    assert mean.grad.tolist() == [[0, 1, -4]]


def test_hinge_is_what_falls_short_of_the_floor_and_exceeds_the_ceiling(recipe):
    bounds = recipe.model_copy(update={"floor": 3.0, "ceiling": 2.0})
    means = torch.tensor([[1.0, 2.5, 4.0], [1.0, 3.5, 2.0]])
    label = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert hinge_term(means, label, bounds).tolist() == [2.0 + 0.5 + 2.0, 0.0]


@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
def test_image_without_a_label_adds_nothing_to_a_classification_loss_but_counts_in_its_mean(
    params, name
):
    recipe, mean = params.variant(name).recipe, torch.randn(4, 10)
    labels, mask = torch.tensor([3, 10, 7, 10]), torch.eye(10)
    labelled = classification_loss(mean[[0, 2]], labels[[0, 2]], mask, recipe)
    assert labelled > 0
    torch.testing.assert_close(classification_loss(mean, labels, mask, recipe), labelled / 2)


def test_cross_entropy_of_labelled_images_is_pytorch_s_mean_times_its_weight(params):
    recipe, mean = params.variant("cross_entropy").recipe, torch.randn(6, 10)
    labels = torch.tensor([3, 1, 4, 1, 5, 9])
    expected = recipe.cross_entropy_weight * F.cross_entropy(mean, labels)
    assert torch.equal(classification_loss(mean, labels, torch.eye(10), recipe), expected)
