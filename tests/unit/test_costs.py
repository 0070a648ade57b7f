import pytest

from benchmarks import costs
from benchmarks.costs import Contestant, compare, flops_of
from tests.conftest import PROJECT

STEPS = 2


@pytest.fixture
def contestant(monkeypatch, recipe, images):
    monkeypatch.setattr(costs, "STEPS", STEPS)
    changes = {"batch_size": 32, "epochs": 3, "decoder_epochs": 0}
    return Contestant(recipe.model_copy(update=changes), images)


def test_run_takes_as_long_as_its_epochs_of_both_phases(monkeypatch, recipe, images):
    monkeypatch.setattr(costs, "STEPS", STEPS)
    changes = {"batch_size": 32, "epochs": 3, "decoder_epochs": 2}
    both = Contestant(recipe.model_copy(update=changes), images)
    assert both.over_a_run(10.0, 1.0) == pytest.approx(32.0 * both.steps_per_epoch / STEPS)


def test_costs_are_of_a_whole_run_and_no_decoder_phase_costs_nothing(contestant):
    cost = compare({"one": contestant}, rounds=3)["one"]
    assert flops_of(contestant.decoder_steps) == 0
    steps = 3 * contestant.steps_per_epoch
    assert cost["run_flops"] == flops_of(contestant.joint_steps) * steps / STEPS > 0
    assert cost["run_seconds"] == pytest.approx(3 * cost["joint_epoch_seconds"])


def test_generated_images_are_trained_on_and_measured_with_the_peak_of_each(monkeypatch, tmp_path):
    monkeypatch.setattr(costs, "STEPS", STEPS)
    given = PROJECT / "params.yaml", costs.generate(tmp_path, 100, 16, 3), "gated"
    trained, evaluated = costs.train_some(*given), costs.evaluate_all(*given)
    assert [trained[name] for name in ("images", "side", "colours")] == [90, 16, 3]
    assert 0 < trained["training_megabytes"] <= evaluated["evaluation_megabytes"]
