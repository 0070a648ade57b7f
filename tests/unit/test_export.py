import copy
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from grvae.base.errors import GrvaeError
from grvae.model.vae import build_model, save_vae
from grvae.params import load_params
from grvae.use.export import (
    PARITY_LIMIT,
    check_parity,
    decoder_to_onnx,
    encoder_to_onnx,
    model_from_onnx,
)
from tests.conftest import PROJECT
from tests.handmade import outputs_by_hand


@pytest.fixture(scope="module")
def some_model():
    recipe = load_params(PROJECT / "params.yaml").recipe
    small = recipe.model_copy(
        update={"network": "mlp", "hidden_sizes": [32, 16], "decoder_sizes": None}
    )
    return build_model(small, "relu", seed=0).eval()


@pytest.fixture(scope="module")
def files(some_model):
    return encoder_to_onnx(some_model), decoder_to_onnx(some_model)


def test_onnx_agrees_with_pytorch(some_model, files, images):
    assert 0 < check_parity(some_model, *files, images.pixels) <= PARITY_LIMIT == 1e-5


def test_files_give_what_the_layers_and_the_formulas_give(some_model, files, images):
    encoder, decoder = map(onnxruntime.InferenceSession, files)
    mean, scale, latents, pixels = map(Tensor.numpy, outputs_by_hand(some_model, images.pixels))
    assert (mean < -1e-3).any(), "else means and activated means would be the same"
    given = encoder.run(["mean", "scale", "latents"], {"images": images.pixels.numpy()})
    given += decoder.run(["pixels"], {"latents": latents})
    for actual, expected in zip(given, (mean, scale, latents, pixels), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=PARITY_LIMIT, atol=PARITY_LIMIT)


def test_model_is_read_back_to_the_bit(some_model, files):
    read = model_from_onnx(*files)
    assert read.architecture == some_model.architecture
    weights = read.state_dict()
    assert weights.keys() == some_model.state_dict().keys()
    assert all(weights[name].equal(each) for name, each in some_model.state_dict().items())


def test_files_of_another_model_are_refused(files, recipe, images):
    other = build_model(recipe, "relu", seed=1).eval()
    with pytest.raises(GrvaeError, match=r"ONNX and PyTorch differ by .*, should be at most 1e-05"):
        check_parity(other, *files, images.pixels)


def test_difference_that_is_not_a_number_is_refused(some_model, files, images):
    other = copy.deepcopy(some_model)
    torch.nn.init.constant_(other.scale_head.bias, torch.nan)
    with pytest.raises(GrvaeError, match="ONNX and PyTorch differ by nan"):
        check_parity(other, *files, images.pixels)


def test_inputs_and_outputs_have_names_and_any_number_of_images(files):
    encoder, decoder = files
    session = onnxruntime.InferenceSession(encoder)
    assert [each.name for each in session.get_outputs()] == ["mean", "scale", "latents"]
    mean, _, latents = session.run(None, {"images": torch.zeros(7, 784).numpy()})
    assert mean.shape == latents.shape == (7, 10)
    session = onnxruntime.InferenceSession(decoder)
    (pixels,) = session.run(["pixels"], {"latents": latents[:1]})
    assert pixels.shape == (1, 784)


def test_file_is_whole_and_holds_no_path(files):
    for content in files:
        assert not any(
            each.external_data for each in onnx.load_from_string(content).graph.initializer
        )
        assert str(PROJECT).encode() not in content
        assert b".py" not in content
        assert b"+cu" not in content


def test_bytes_do_not_depend_on_process_or_folder(some_model, files, tmp_path):
    save_vae(tmp_path / "weights", some_model)
    script = (
        "import sys, pathlib, grvae.use.export as e, grvae.model.vae as v;"
        "m = v.load_vae(pathlib.Path(sys.argv[1]));"
        "sys.stdout.buffer.write(e.encoder_to_onnx(m) + e.decoder_to_onnx(m))"
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "weights")]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "7"}
    (tmp_path / "grvae").symlink_to(PROJECT / "grvae")
    other = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert other.stdout.endswith(b"".join(files))  # the exporter may print before


def test_onnx_files_name_size_colours_and_classes_of_the_images(files):
    for content in files:
        props = {p.key: p.value for p in onnx.load_from_string(content).metadata_props}
        assert json.loads(props["classes"]) == list("0123456789")
        assert (props["side"], props["colours"]) == ("28", "1")
