import numpy as np
import pytest
import torch

from grvae.model.checkpoint import Checkpoint, run_identity
from tests.conftest import trained, weights_of


class Killed(Exception):
    """Stands for a kill between two epochs."""


def train(images, recipe, checkpoint=None, die_after=None):
    def maybe_die(row):
        if row.epoch == die_after:
            raise Killed

    return trained(images, recipe, on_epoch=maybe_die, checkpoint=checkpoint)


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "run.safetensors", "this run", every_seconds=0)


@pytest.mark.parametrize(
    ("schedule", "last_epoch"),
    [("one_cycle", 2), ("exponential", 3), ("one_cycle", 4), ("exponential", 5), ("one_cycle", 6)],
)
def test_killed_run_goes_on_to_the_same_bits(images, recipe, checkpoint, schedule, last_epoch):
    changes = {"epochs": 3, "decoder_epochs": 3, "learning_rate_schedule": schedule}
    recipe = recipe.model_copy(update=changes)
    model, rows = train(images, recipe)
    with pytest.raises(Killed):
        train(images, recipe, checkpoint, die_after=last_epoch)
    resumed, resumed_rows = train(images, recipe, checkpoint, die_after=last_epoch - 1)
    assert torch.equal(weights_of(resumed), weights_of(model))
    assert resumed_rows == rows


def test_checkpoint_of_another_run_or_a_torn_one_is_not_used(checkpoint):
    checkpoint.save_if_due({"a": np.ones(2)}, {})
    assert checkpoint.load() is not None
    assert Checkpoint(checkpoint.path, "another run").load() is None
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-1])
    assert checkpoint.load() is None


def test_nothing_is_saved_before_it_is_due(tmp_path):
    checkpoint = Checkpoint(tmp_path / "run.safetensors", "this run", every_seconds=1000)
    checkpoint.save_if_due({"a": np.ones(2)}, {})
    assert not checkpoint.path.exists()


def test_identity_tells_data_settings_and_code_apart(monkeypatch, tmp_path):
    (tmp_path / "module.py").write_text("a = 1")
    monkeypatch.setattr("grvae.model.checkpoint.CODE", (tmp_path,))
    data, settings = {"pixels": np.zeros(3)}, {"seed": 0}
    first = run_identity(data, settings)
    assert first == run_identity({"pixels": np.zeros(3)}, dict(settings))
    assert first != run_identity({"pixels": np.ones(3)}, settings)
    assert first != run_identity(data, {"seed": 1})
    (tmp_path / "module.py").write_text("a = 2")
    assert first != run_identity(data, settings)
