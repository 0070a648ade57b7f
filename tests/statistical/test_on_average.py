"""What longer training leads to, at fixed seeds."""

import pytest

from tests.conftest import trained

LONGER = {"epochs": 60, "learning_rate": 0.003, "floor": 5.0}
UNROUTED = {"routing": "none"}
STRONG = {"class_prior_mean": 5.0, "kl_weight": 5.0, "final_kl_weight": 5.0}


@pytest.mark.parametrize(
    ("changes", "is_learned"),
    [
        ({}, True),
        ({"latents_per_class": 2}, True),
        (UNROUTED | {"cross_entropy_weight": 10.0}, True),
        (UNROUTED | STRONG, True),
        (UNROUTED, False),
    ],
)
def test_latents_learn_their_digits_where_something_ties_them(images, recipe, changes, is_learned):
    _, rows = trained(images, recipe.model_copy(update=LONGER | changes))
    accuracy = rows[-1].validation_accuracy
    assert accuracy > 0.8 if is_learned else accuracy < 0.5
