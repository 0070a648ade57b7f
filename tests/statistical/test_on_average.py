"""What longer training leads to, at fixed seeds."""

from tests.conftest import trained

LONGER = {"epochs": 60, "learning_rate": 0.003, "floor": 5.0}


def test_routed_latents_learn_their_digits_and_unrouted_ones_do_not(images, recipe):
    _, routed = trained(images, recipe.model_copy(update=LONGER))
    _, baseline = trained(images, recipe.model_copy(update=LONGER | {"routing": "none"}))
    assert routed[-1].validation_accuracy > 0.8
    assert baseline[-1].validation_accuracy < 0.5


def test_classification_loss_teaches_the_latents_without_routing(images, recipe):
    changes = LONGER | {"routing": "none"}
    asked = recipe.model_copy(update=changes | {"cross_entropy_weight": 10.0})
    assert trained(images, asked)[1][-1].validation_accuracy > 0.8


def test_prior_for_each_digit_pulls_its_latent_there(images, recipe):
    changes = LONGER | {"routing": "none", "class_prior_mean": 5.0}
    asked = recipe.model_copy(update=changes | {"kl_weight": 5.0, "final_kl_weight": 5.0})
    assert trained(images, asked)[1][-1].validation_accuracy > 0.8


def test_digit_with_several_latents_is_read_by_all_of_them(images, recipe):
    changes = LONGER | {"latents_per_class": 2}
    model, rows = trained(images, recipe.model_copy(update=changes))
    assert model.architecture.latents == 20
    assert rows[-1].validation_accuracy > 0.8
