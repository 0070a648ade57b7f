"""Statements that hold on average, with a false-alarm rate of 1e-4 or less at fixed seeds."""

import torch
from scipy import stats

from grvae.model.losses import kl_to_standard_normal
from grvae.model.training import train_vae
from tests.conftest import split

FALSE_ALARM = 1e-4
LONGER = {"epochs": 60, "learning_rate": 0.003, "floor": 5.0}


def history(images, recipe):
    train, validation = split(images, recipe.validation_fraction)
    return train_vae(train, validation, recipe, "relu", 0)


def test_sampled_kl_agrees_with_the_closed_form():
    generator = torch.Generator().manual_seed(0)
    mean = torch.tensor([[1.0, -2.0]], dtype=torch.float64)
    log_variance = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    noise = torch.randn(200_000, 2, generator=generator, dtype=torch.float64)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    samples = mean + posterior.scale * noise
    prior = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
    log_ratio = (posterior.log_prob(samples) - prior.log_prob(samples)).sum(dim=1)
    tolerance = stats.norm.isf(FALSE_ALARM / 2) * log_ratio.std() / len(samples) ** 0.5
    assert abs(log_ratio.mean() - kl_to_standard_normal(mean, log_variance)) < tolerance


def test_routed_latents_learn_their_digits_and_unrouted_ones_do_not(images, recipe):
    _, routed = history(images, recipe.model_copy(update=LONGER))
    _, baseline = history(images, recipe.model_copy(update=LONGER | {"routing": "none"}))
    assert routed[-1].validation_accuracy > 0.8
    assert baseline[-1].validation_accuracy < 0.5


def test_classification_loss_teaches_the_latents_without_routing(images, recipe):
    changes = LONGER | {"routing": "none"}
    asked = recipe.model_copy(update=changes | {"cross_entropy_weight": 10.0})
    assert history(images, asked)[1][-1].validation_accuracy > 0.8


def test_prior_for_each_digit_pulls_its_latent_there(images, recipe):
    changes = LONGER | {"routing": "none", "class_prior_mean": 5.0}
    asked = recipe.model_copy(update=changes | {"kl_weight": 5.0, "final_kl_weight": 5.0})
    assert history(images, asked)[1][-1].validation_accuracy > 0.8


def test_digit_with_several_latents_is_read_by_all_of_them(images, recipe):
    changes = LONGER | {"latents_per_class": 2}
    model, rows = history(images, recipe.model_copy(update=changes))
    assert model.architecture.latents == 20
    assert rows[-1].validation_accuracy > 0.8
