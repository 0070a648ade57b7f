import pytest
from click.testing import CliRunner

from benchmarks import costs
from benchmarks.costs import Contestant, compare, flops_of
from grvae.base.errors import GrvaeError
from stages.evaluate import evaluate
from stages.train import train
from tests.conftest import PROJECT


@pytest.mark.parametrize("decoder_epochs", [0, 2])
def test_costs_are_of_all_epochs_of_both_phases(monkeypatch, recipe, images, decoder_epochs):
    monkeypatch.setattr(costs, "STEPS", 2)
    changes = {"batch_size": 32, "epochs": 3, "decoder_epochs": decoder_epochs}
    one = Contestant(recipe.model_copy(update=changes), images)
    cost = compare({"one": one}, rounds=3)["one"]
    seconds = 3 * cost["joint_epoch_seconds"] + decoder_epochs * cost["decoder_epoch_seconds"]
    assert cost["run_seconds"] == pytest.approx(seconds)
    joint, decoder = flops_of(one.joint_steps), flops_of(one.decoder_steps)
    assert cost["run_flops"] == (3 * joint + decoder_epochs * decoder) * one.steps_per_epoch / 2
    assert joint > 0 and (decoder > 0) == (decoder_epochs > 0)


def test_stages_train_and_evaluate_generated_images(params, tmp_path, monkeypatch):
    def run_here(module, *words):
        stage, peak = {"stages.train": (train, 1.0), "stages.evaluate": (evaluate, 2.0)}[module]
        CliRunner().invoke(stage, list(map(str, words)), catch_exceptions=False)
        return peak

    monkeypatch.setattr(costs, "peak_of", run_here)
    data = costs.generate(tmp_path, 100, 16, 3)
    assert costs.size_of(data) == {"images": 90, "side": 16, "colours": 3}
    chosen = params.variant("gated", {"dataset": data.name, "epoch_steps": 1})
    peaks = costs.peaks_of_stages(chosen, PROJECT / "params.yaml", tmp_path, tmp_path / "run")
    assert peaks == {"training_megabytes": 1.0, "evaluation_megabytes": 2.0}
    assert (tmp_path / "run" / "measures.json").exists()


def test_peak_of_a_stage_is_in_megabytes_and_one_that_fails_has_none(tmp_path):
    words = ["--params", PROJECT / "params.yaml", "--out", tmp_path]
    assert 20 < costs.peak_of("stages.resolve", *words) < 10_000  # that of this process at least
    with pytest.raises(GrvaeError, match=r"stages\.resolve failed: exit code 2"):
        costs.peak_of("stages.resolve", "--unknown")
