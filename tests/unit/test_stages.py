"""What stages do between reading and writing, on images whose measures can be worked out."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from grvae.base.layout import DataFolder, RunFolder
from grvae.base.storage import load_json, save_arrays, save_json
from stages.evaluate import evaluate
from stages.probe_pixels import probe_pixels
from tests.conftest import PROJECT
from tests.handmade import pixel_reader

DIGITS = np.arange(10)


def write_images(path, places, labels):
    """Images of which a `pixel_reader` takes each for the digit at its place."""
    images = np.zeros((len(places), 28, 28), np.uint8)
    images[np.arange(len(places)), 0, places] = 255
    save_arrays(path, {"images": images, "labels": labels})


@pytest.fixture
def data(tmp_path):
    """Train images that show their label, and ten of 25 test images; 5 to 9 show the one before."""
    folder = DataFolder(tmp_path / "mnist")
    write_images(folder.train, DIGITS.repeat(2), DIGITS.repeat(2))
    low, high = np.tile(DIGITS[:5], 2), np.tile(DIGITS[5:], 3)
    labels = np.concatenate([low, high])
    write_images(folder.test, np.concatenate([low, 5 + (high - 6) % 5]), labels)
    return tmp_path


def run(stage, **options):
    options["params"] = PROJECT / "params.yaml"
    result = CliRunner().invoke(stage, [f"--{name}={value}" for name, value in options.items()])
    assert result.exit_code == 0, result.output


def test_evaluate_measures_every_test_image(data, tmp_path, monkeypatch, params):
    files = RunFolder(tmp_path / "run")
    monkeypatch.setattr("stages.evaluate.load_vae", lambda path: pixel_reader())
    save_json(tmp_path / "gated.json", params.variant("gated").written())
    run(evaluate, data=data, run=files.folder, variant=tmp_path / "gated.json")
    measures = json.loads(files.measures.read_text())
    assert measures["images"] == np.sum(measures["confusion"]) == 25
    assert measures["argmax_accuracy"] == 10 / 25


def test_pixel_probe_is_fitted_on_train_and_scored_on_every_test_image(data, tmp_path):
    run(probe_pixels, data=data / "mnist", out=tmp_path / "probe.json")
    assert load_json(tmp_path / "probe.json") == {"probe_accuracy": 10 / 25}
