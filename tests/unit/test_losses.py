import pytest
import torch

from grvae.model.losses import (
    classification_loss,
    hinge_term,
    kl_term,
    kl_to_nearest_normal,
    kl_to_standard_normal,
)


def test_kl_is_torch_distributions_kl():
    mean, log_variance = torch.randn(2, 5, 10, dtype=torch.float64)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    expected = torch.distributions.kl_divergence(posterior, prior).sum(dim=1)
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_mean_within_the_slack_is_free_and_beyond_it_costs_by_its_distance_from_the_band():
    # The band is from -1 to 3: these means lie in it, on its ends, 2 above and 3 below.
    mean = torch.tensor([[0.0], [3.0], [-1.0], [5.0], [-4.0]])
    kl = kl_to_nearest_normal(mean, torch.zeros(5, 1), 1.0, 2.0)
    assert kl.tolist() == [0, 0, 0, 2.0, 4.5]


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
