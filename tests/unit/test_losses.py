import math

import pytest
import torch

from grvae.model.losses import (
    binary_cross_entropy,
    kl_as_published,
    kl_to_standard_normal,
    kl_weight,
    prior_ramp,
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
    mean = torch.tensor([[1.0, 3.0]])
    scale = torch.tensor([[0.0, 0.0]], requires_grad=True)
    value = kl_as_published(mean, scale)
    assert value.item() == pytest.approx(((1 + 1) + (9 + 1)) / 2)
    value.backward()
    assert scale.grad.tolist() == [[0, 0]]


def test_prior_moves_evenly_between_the_two_ends_of_the_recipe_s_ramp(recipe):
    ramp = recipe.model_copy(update={"prior_ramp": [0.2, 0.6]})
    moved = [prior_ramp(progress, ramp) for progress in (0.0, 0.2, 0.3, 0.4, 0.6, 1.0)]
    assert moved == pytest.approx([0, 0, 0.25, 0.5, 1, 1])


def test_weight_of_the_kl_term_moves_with_the_prior(recipe):
    weighted = recipe.model_copy(update={"kl_weight": 0.5, "final_kl_weight": 2.5})
    assert [kl_weight(ramp, weighted) for ramp in (0.0, 0.25, 1.0)] == [0.5, 1.0, 2.5]
