"""Statements that hold on average, with a false-alarm rate of 1e-4 or less at fixed seeds."""

import numpy as np
import torch
from scipy import stats

from grvae.base.statistics import estimate
from grvae.model.losses import kl_to_standard_normal
from grvae.model.training import train_vae
from tests.conftest import split

FALSE_ALARM = 1e-4


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


def test_interval_covers_the_true_mean_as_often_as_it_says():
    trials, n = 4000, 5
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(trials, n))
    covered = sum(value.low <= 3.0 <= value.high for value in map(estimate, samples))
    low, high = stats.binom.interval(1 - FALSE_ALARM, trials, 0.95)
    assert low <= covered <= high


def test_routed_argmax_beats_chance(images, recipe):
    longer = recipe.model_copy(update={"epochs": 30, "learning_rate": 0.003})
    train, validation = split(images, 0.5)
    _, rows = train_vae(train, validation, longer, "relu", 0)
    by_chance = stats.binom.isf(FALSE_ALARM, len(validation), 0.1) / len(validation)
    assert rows[-1].validation_accuracy > by_chance
