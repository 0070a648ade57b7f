import pytest

from benchmarks import costs
from benchmarks.costs import Contestant, compare, flops_of
from grvae.base.errors import GrvaeError
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


def test_stages_train_and_evaluate_generated_images_with_the_peak_of_each(params, tmp_path):
    data = costs.generate(tmp_path, 100, 16, 3)
    assert costs.size_of(data) == {"images": 90, "side": 16, "colours": 3}
    chosen = params.variant("gated", {"dataset": data.name, "epoch_steps": 1})
    peaks = costs.peaks_of_stages(chosen, PROJECT / "params.yaml", tmp_path, tmp_path / "run")
    assert 100 < peaks["training_megabytes"] < 2000
    assert 100 < peaks["evaluation_megabytes"] < 2000


def test_stage_that_fails_has_no_peak():
    with pytest.raises(GrvaeError, match=r"stages\.train failed: exit code 2"):
        costs.peak_of("stages.train", "--unknown")
