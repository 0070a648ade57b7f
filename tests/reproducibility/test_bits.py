"""Same in, same out: to the bit, and whatever the number of threads."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.params import load_params
from stages.train import train
from tests.conftest import PROJECT, write_small_params


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Small variants, and the digits to train on."""
    folder = tmp_path_factory.mktemp("inputs")
    params = load_params(write_small_params(folder / "params.yaml"))
    for name in params.overrides:
        save_json(folder / f"{name}.json", params.variant(name).written())
    write_splits(DataFolder(folder / "digits"), *load_digits(), fraction=0.1)
    return folder


PIN = "CUBLAS_WORKSPACE_CONFIG"  # one of those that `grvae` sets, on every machine
# Imports a module up to the first maths library, and tells the pin as it is by then.
ENDS_AT_MATHS = """
import importlib.abc, os, sys

class Maths(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {{"numpy", "scipy", "torch"}}:
            os.write(1, os.environ.get("{pin}", "").encode())
            os._exit(0)

sys.meta_path.insert(0, Maths())
import {module}
"""


def arguments(inputs, out, seed=0, variant="routed"):
    return [
        "--data", str(inputs),
        "--variant", str(inputs / f"{variant}.json"),
        "--seed", str(seed),
        "--weights", str(out / "weights.safetensors"),
        "--history", str(out / "history.csv"),
    ]  # fmt: skip


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def train_in_process(inputs, out, **changes):
    result = CliRunner().invoke(train, arguments(inputs, out, **changes))
    assert result.exit_code == 0, result.output
    return sha256(out / "weights.safetensors"), sha256(out / "history.csv")


def test_another_seed_gives_other_weights(inputs, tmp_path):
    first = train_in_process(inputs, tmp_path / "first", seed=0)
    assert train_in_process(inputs, tmp_path / "second", seed=1) != first


def test_training_reads_no_test_image(inputs, tmp_path):
    poisoned = shutil.copytree(inputs, tmp_path / "poisoned")
    DataFolder(poisoned / "digits").test.write_bytes(b"not an image")
    first = train_in_process(inputs, tmp_path / "first")
    assert train_in_process(poisoned, tmp_path / "second") == first


@pytest.mark.parametrize(("variant", "counts"), [("routed", (1, 2, 8)), ("published", (1, 2))])
def test_bits_do_not_depend_on_the_number_of_threads(inputs, tmp_path, variant, counts):
    usual = torch.get_num_threads()
    hashes = set()
    try:
        for threads in counts:
            torch.set_num_threads(threads)
            hashes.add(train_in_process(inputs, tmp_path / str(threads), variant=variant))
    finally:
        torch.set_num_threads(usual)
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "module", sorted(f"stages.{path.stem}" for path in (PROJECT / "stages").glob("[a-z]*.py"))
)
def test_maths_libraries_are_pinned_before_a_stage_loads_them(module):
    environment = {name: value for name, value in os.environ.items() if name != PIN}
    code = ENDS_AT_MATHS.format(pin=PIN, module=module)
    pin = subprocess.check_output(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True
    )
    assert pin == os.environ[PIN]
