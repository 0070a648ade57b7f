import pytest

from benchmarks import speed
from benchmarks.speed import Contestant, cost_of_layers, flops_of

STEPS = 2


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(speed, "STEPS", STEPS)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "conv_encoder", "hidden_sizes": [2, 4, 16], "decoder_sizes": [16]},
        {"bottleneck": True},
    ],
)
def test_layers_with_weights_do_all_that_a_joint_step_is_counted_for(recipe, images, changes):
    chosen = recipe.model_copy(update={"batch_size": 32, **changes})
    contestant = Contestant(chosen, images)
    batch = contestant.images.pixels[: chosen.batch_size]
    flops, _ = cost_of_layers(contestant.joint.model, batch, patience=0.0)
    assert flops == flops_of(contestant.joint_steps) / STEPS > 0


def test_recipe_without_a_decoder_phase_pays_for_none(recipe, images):
    chosen = recipe.model_copy(update={"batch_size": 32, "decoder_epochs": 0})
    assert flops_of(Contestant(chosen, images).decoder_steps) == 0


def test_run_takes_as_long_as_its_epochs_of_both_phases(recipe, images):
    changes = {"batch_size": 32, "epochs": 3, "decoder_epochs": 2}
    contestant = Contestant(recipe.model_copy(update=changes), images)
    epoch = contestant.steps_per_epoch / STEPS
    assert contestant.over_a_run(10.0, 1.0) == pytest.approx(32.0 * epoch)
