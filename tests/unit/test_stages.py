import numpy as np
from click.testing import CliRunner

from grvae.base.layout import DataFolder
from grvae.base.storage import load_json, save_arrays
from stages.probe_pixels import probe_pixels
from tests.conftest import PROJECT

DIGITS = np.arange(10)


def write_images(path, places, labels):
    """Images of which each has one lit pixel, at its place."""
    images = np.zeros((len(places), 28, 28), np.uint8)
    images[np.arange(len(places)), 0, places] = 255
    save_arrays(path, {"images": images, "labels": labels})


def test_pixel_probe_is_fitted_on_train_and_scored_on_every_test_image(tmp_path):
    """Train images show their label, and ten of 25 test images; 5 to 9 show the one before."""
    folder = DataFolder(tmp_path)
    write_images(folder.train, DIGITS.repeat(2), DIGITS.repeat(2))
    low, high = np.tile(DIGITS[:5], 2), np.tile(DIGITS[5:], 3)
    write_images(
        folder.test, np.concatenate([low, 5 + (high - 6) % 5]), np.concatenate([low, high])
    )
    options = {"params": PROJECT / "params.yaml", "data": tmp_path, "out": tmp_path / "probe.json"}
    words = [f"--{name}={value}" for name, value in options.items()]
    CliRunner().invoke(probe_pixels, words, catch_exceptions=False)
    assert load_json(tmp_path / "probe.json") == {"probe_accuracy": 10 / 25}
