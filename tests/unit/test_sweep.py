"""Sweeps: which runs are still to be made, and what one leaves."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks.sweep import fill_table, study_runs, sweep, trial_runs
from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_table
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.measure.metrics import argmax_accuracy
from grvae.params import load_params
from tests.conftest import PROJECT, write_small_params

NOWHERE = DataFolder(Path("nowhere"))


def make_row(accuracy):
    if accuracy is None:
        raise GrvaeError("the loss became nan")
    return {"accuracy": accuracy}


def test_only_runs_without_a_row_are_made_and_a_failed_one_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.sweep.ProcessPoolExecutor", ThreadPoolExecutor)
    table = tmp_path / "runs.csv"
    save_table(table, pd.DataFrame({"trial": ["b", "a"], "seed": [1, 1], "accuracy": [0.9, 0.9]}))
    results = {("b", 1): 0.0, ("b", 0): 0.1, ("gone", 0): None, ("a", 1): 0.0, ("c", 5): 0.2}
    runs = {run: partial(make_row, accuracy) for run, accuracy in results.items()}
    with pytest.raises(GrvaeError, match=r"^gone 0: the loss became nan$"):
        fill_table(table, "trial", runs, workers=1)
    rows = [("b", 0, 0.1), ("b", 1, 0.9), ("a", 1, 0.9), ("c", 5, 0.2)]
    assert list(load_table(table).itertuples(index=False, name=None)) == rows


@pytest.mark.parametrize(
    ("trials", "table"),
    [
        ("reports/search/front.yaml", "reports/search/front.csv"),
        ("reports/many_seeds/trials.yaml", "reports/many_seeds/runs.csv"),
        ("studies/pilot.yaml", "studies/pilot.csv"),
        ("studies/params.yaml", "studies/tables/gpu.csv"),
    ],
)
def test_committed_table_lacks_no_run_of_its_list(params, trials, table):
    rows = load_table(PROJECT / table)
    if trials == "studies/params.yaml":
        column, runs = "variant", study_runs(PROJECT / trials, params, NOWHERE, "cpu", Path())
    else:
        column, runs = "trial", trial_runs(PROJECT / trials, params, NOWHERE, "cpu", "test", None)
    assert runs.keys() <= set(zip(rows[column], rows["seed"], strict=True))


def test_trial_is_measured_on_the_split_that_was_asked_and_leaves_its_history(tmp_path):
    files = DataFolder(tmp_path / "data")
    write_splits(files, *load_digits(), fraction=0.1)
    params = load_params(write_small_params(tmp_path / "params.yaml"))
    trials, histories = tmp_path / "trials.yaml", tmp_path / "histories"
    trials.write_text(
        "trials: {a: {family: f, variant: routed, changes: {decoder_epochs: 2}, seeds: [3, 1]}}"
    )
    files.test.unlink()  # whoever chooses a recipe does not open it
    runs = trial_runs(trials, params, files, "cpu", "validation", histories)
    row = pickle.loads(pickle.dumps(runs["a", 3]))()  # as in another process
    history = load_table(histories / "a-3.csv")
    assert history["phase"].tolist() == ["joint", "decoder", "decoder"]
    reached = history["validation_accuracy"].iloc[-1]
    assert row[argmax_accuracy.__name__] == pytest.approx(reached, abs=1e-6)
    assert (row["family"], row["device"]) == ("f", "cpu")
    assert row.keys() <= set(load_table(PROJECT / "reports/search/front.csv").columns)


def test_wrong_trial_is_one_line(tmp_path, params):
    trials = tmp_path / "trials.yaml"
    trials.write_text("trials: {a: {family: f, changes: {epochs: 0}, seeds: [0, 1]}}")
    with pytest.raises(GrvaeError, match=rf"^{trials}: trials.a.changes.epochs: got 0"):
        trial_runs(trials, params, NOWHERE, "cpu", "test", None)


def test_what_a_sweep_needs_and_lacks_is_one_line(tmp_path):
    files = [f"--{name}={tmp_path}" for name in ("list", "data", "table")]
    command = [f"--params={PROJECT / 'params.yaml'}", *files, "--measure=study"]
    result = CliRunner().invoke(sweep, command)
    line = "Error: --classifier: missing, and --measure study needs it\n"
    assert (result.exit_code, result.output) == (1, line)
