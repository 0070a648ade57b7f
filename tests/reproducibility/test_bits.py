"""Same in, same out: to the bit, and whatever the number of threads."""

import shutil

import pytest
from click.testing import CliRunner

from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.params import load_params
from stages.train import train
from tests.conftest import write_small_params


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Small variants, and the digits to train on."""
    folder = tmp_path_factory.mktemp("inputs")
    params = load_params(write_small_params(folder / "params.yaml"))
    for name in params.overrides:
        save_json(folder / f"{name}.json", params.variant(name).written())
    write_splits(DataFolder(folder / "digits"), *load_digits(), fraction=0.1)
    return folder


def train_in_process(inputs, out, variant="routed"):
    words = [
        "--data", inputs, "--variant", inputs / f"{variant}.json", "--seed", 0,
        "--weights", out / "weights", "--history", out / "history",
    ]  # fmt: skip
    CliRunner().invoke(train, list(map(str, words)), catch_exceptions=False)
    return (out / "weights").read_bytes(), (out / "history").read_bytes()


def test_training_reads_no_test_image(inputs, tmp_path):
    poisoned = shutil.copytree(inputs, tmp_path / "poisoned")
    DataFolder(poisoned / "digits").test.write_bytes(b"not an image")
    first = train_in_process(inputs, tmp_path / "first")
    assert train_in_process(poisoned, tmp_path / "second") == first


@pytest.mark.parametrize(("variant", "counts"), [("routed", (1, 2, 8)), ("published", (1, 2))])
def test_bits_do_not_depend_on_the_number_of_threads(
    inputs, tmp_path, set_threads, variant, counts
):
    hashes = set()
    for threads in counts:
        set_threads(threads)
        hashes.add(train_in_process(inputs, tmp_path / str(threads), variant=variant))
    assert len(hashes) == 1
