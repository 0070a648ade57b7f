"""Trials: which runs are still to be made, and what one leaves."""

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from benchmarks.trials import Trial, missing_runs, run_trial, train_trials
from grvae.base.layout import DataFolder
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.measure.metrics import argmax_accuracy
from tests.conftest import write_small_params


@pytest.fixture
def data(tmp_path):
    write_splits(DataFolder(tmp_path / "data"), *load_digits(), fraction=0.1)
    return tmp_path / "data"


def test_runs_that_the_table_has_are_not_made_again_and_no_trial_lags_behind():
    trials = {
        "one": Trial(family="mask", seeds=[10, 2]),
        "other": Trial(family="mask", seeds=[20, 3]),
    }
    table = pd.DataFrame({"trial": ["one", "other"], "seed": [10, 21]})
    assert list(missing_runs(trials, table)) == [("other", 20), ("one", 11), ("other", 22)]
    assert len(list(missing_runs(trials, pd.DataFrame()))) == 5


def test_run_is_measured_on_the_split_that_was_asked_and_leaves_its_history(tmp_path, data):
    params = write_small_params(tmp_path / "params.yaml")
    trial = Trial(family="floor", variant="routed", changes={"decoder_epochs": 2}, seeds=[0, 1])
    measures, history = run_trial(params, data, trial, 0, "validation", "cpu", follow=True)
    assert history["phase"].tolist() == ["joint", "decoder", "decoder"]
    reached = history["validation_accuracy"].iloc[-1]
    assert measures[argmax_accuracy.__name__] == pytest.approx(reached, abs=1e-6)
    DataFolder(data).test.unlink()  # whoever chooses a recipe does not open it
    again, unmeasured = run_trial(params, data, trial, 0, "validation", "cpu", follow=False)
    assert again.keys() == measures.keys()
    assert unmeasured["validation_accuracy"].isna().all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_one_line(tmp_path):
    files = [f"--{name}={tmp_path / name}" for name in ("params", "data", "trials", "table")]
    result = CliRunner().invoke(train_trials, [*files, "--split=test", "--device=cuda"])
    assert (result.exit_code, result.output) == (
        1, "Error: --device: got cuda, but PyTorch finds no GPU\n",
    )  # fmt: skip
