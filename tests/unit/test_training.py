import math

import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.model.run import Run
from grvae.model.training import shuffled_batches, train_vae
from grvae.model.vae import build_model
from tests.conftest import split


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def history(images, recipe, seed=0, latent_act="relu"):
    train, validation = split(images, recipe.validation_fraction)
    return train_vae(train, validation, recipe, latent_act, seed)


def test_history_has_a_row_per_epoch_of_both_phases(images, recipe):
    _, rows = history(images, recipe.model_copy(update={"epochs": 2}))
    assert [(row.epoch, row.phase) for row in rows] == [(1, "joint"), (2, "joint"), (3, "decoder")]
    assert rows[-1].kl is None


def test_training_lowers_the_error(images, recipe):
    _, rows = history(images, recipe.model_copy(update={"epochs": 20}))
    assert rows[-1].validation_squared_error < 0.8 * rows[0].validation_squared_error


def test_routed_latents_learn_their_digits_and_unrouted_ones_do_not(images, recipe):
    longer = {"epochs": 60, "learning_rate": 0.003}
    _, routed = history(images, recipe.model_copy(update=longer))
    _, baseline = history(images, recipe.model_copy(update=longer | {"routing": "none"}))
    assert routed[-1].validation_accuracy > 0.8
    assert baseline[-1].validation_accuracy < 0.5


def test_decoder_phase_leaves_the_encoder_alone(images, recipe):
    longer, _ = history(images, recipe)
    shorter, _ = history(images, recipe.model_copy(update={"decoder_epochs": 0}))
    assert torch.equal(weights(longer.encoder), weights(shorter.encoder))
    assert torch.equal(weights(longer.mean_head), weights(shorter.mean_head))
    assert not torch.equal(weights(longer.decoder), weights(shorter.decoder))


def test_no_validation_split_leaves_its_columns_empty(images, recipe):
    _, rows = history(images, recipe.model_copy(update={"validation_fraction": 0.0}))
    assert rows[0].validation_accuracy is None
    assert rows[0].validation_squared_error is None


def test_variants_share_initial_weights(recipe):
    baseline = recipe.model_copy(update={"routing": "none"})
    routed_start, baseline_start = (build_model(r, "relu", 3) for r in (recipe, baseline))
    assert torch.equal(weights(routed_start), weights(baseline_start))


def test_another_seed_gives_other_weights(images, recipe):
    assert not torch.equal(
        weights(history(images, recipe, 0)[0]), weights(history(images, recipe, 1)[0])
    )


def test_loss_that_is_not_finite_stops_the_run_and_names_the_step(images, recipe):
    images.pixels[7, 0] = math.nan
    with pytest.raises(GrvaeError, match=r"the loss became nan in epoch 1 of its phase, step \d"):
        history(images, recipe)


def test_every_image_is_in_one_batch_and_the_last_may_be_short():
    batches = list(shuffled_batches(10, 4, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.cat(batches).sort().values.tolist() == list(range(10))


def test_losses_are_means_over_images_whatever_the_batch_size(images, recipe):
    frozen = {"learning_rate": 1e-30, "decoder_learning_rate": 1e-30, "weight_decay": 0.0}
    uneven = recipe.model_copy(update=frozen | {"batch_size": 77})
    whole = recipe.model_copy(update=frozen | {"batch_size": 1000})
    uneven_rows, whole_rows = history(images, uneven)[1], history(images, whole)[1]
    assert uneven_rows[1].loss == pytest.approx(whole_rows[1].loss, rel=1e-5)


def rates(recipe, images, epochs):
    model = torch.nn.Linear(1, 1)
    run = Run(recipe, "relu", 0, torch.zeros(images, dtype=torch.long))
    descent = run.start_descent(model, epochs, 0.01)
    seen = []
    for _ in range(epochs * descent.steps_per_epoch):
        seen.append(descent.optimizer.param_groups[0]["lr"])
        descent.step(model(torch.ones(1)).sum())
    return seen


def test_published_rate_shrinks_by_a_twentieth_after_every_epoch(params):
    recipe = params.variant("published").recipe.model_copy(update={"batch_size": 10})
    assert rates(recipe, 20, 3) == pytest.approx([0.01, 0.01, 0.0095, 0.0095, 0.009025, 0.009025])


def test_one_cycle_rises_to_the_given_rate_and_falls_to_nearly_zero(recipe):
    seen = rates(recipe.model_copy(update={"batch_size": 1}), 100, 1)
    assert max(seen) == pytest.approx(0.01, rel=1e-3)
    assert 0 < seen[-1] < 1e-4 < seen[0] < 0.001


def test_classification_loss_teaches_the_latents_without_routing(images, recipe):
    changes = {"routing": "none", "epochs": 60, "learning_rate": 0.003}
    asked = recipe.model_copy(update=changes | {"cross_entropy_weight": 10.0})
    assert history(images, asked)[1][-1].validation_accuracy > 0.8


def test_prior_for_each_digit_pulls_its_latent_there(images, recipe):
    changes = {"routing": "none", "epochs": 60, "learning_rate": 0.003, "digit_prior_mean": 5.0}
    asked = recipe.model_copy(update=changes | {"kl_weight": 5.0, "final_kl_weight": 5.0})
    assert history(images, asked)[1][-1].validation_accuracy > 0.8


def test_digit_with_several_latents_is_read_by_all_of_them(images, recipe):
    changes = {"latents_per_digit": 2, "epochs": 60, "learning_rate": 0.003}
    model, rows = history(images, recipe.model_copy(update=changes))
    assert model.architecture.latents == 20
    assert rows[-1].validation_accuracy > 0.8


def test_rate_shrinks_by_the_factor_that_the_recipe_names(params):
    changes = {"batch_size": 10, "learning_rate_decay": 0.5}
    recipe = params.variant("published").recipe.model_copy(update=changes)
    assert rates(recipe, 20, 2) == pytest.approx([0.01, 0.01, 0.005, 0.005])


def test_first_decay_of_adam_is_the_recipe_s(images, recipe):
    changes = {"learning_rate_schedule": "exponential", "decoder_epochs": 0}
    usual, none = (recipe.model_copy(update=changes | {"adam_beta1": beta}) for beta in (0.9, 0.0))
    assert not torch.equal(weights(history(images, usual)[0]), weights(history(images, none)[0]))


def test_noise_can_be_left_out(images, recipe):
    silent = recipe.model_copy(update={"noise": 0.0, "decoder_epochs": 0})
    noisy = recipe.model_copy(update={"decoder_epochs": 0})
    assert not torch.equal(weights(history(images, silent)[0]), weights(history(images, noisy)[0]))


def test_routing_the_kl_divergence_leaves_the_other_latents_to_themselves(images, recipe):
    routed = recipe.model_copy(update={"kl_routing": "label", "epochs": 20})
    shared = recipe.model_copy(update={"kl_routing": "none", "epochs": 20})
    assert not torch.equal(weights(history(images, routed)[0]), weights(history(images, shared)[0]))
