import copy

import onnx
import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.model.vae import load_vae, save_vae
from grvae.use.export import (
    PARITY_LIMIT,
    check_parity,
    decoder_to_onnx,
    encoder_to_onnx,
    model_from_onnx,
)
from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def files():
    """The encoder and the decoder in the repository, which another process has exported."""
    folder = PROJECT / "reports" / "onnx"
    return [(folder / f"{name}.onnx").read_bytes() for name in ("encoder", "decoder")]


@pytest.fixture(scope="module")
def model(files):
    return model_from_onnx(*files)


def test_model_is_read_back_and_gives_the_same_bytes_in_any_process(model, files, tmp_path):
    save_vae(tmp_path / "weights", model)
    stored = load_vae(tmp_path / "weights")  # as the stage reads it
    assert [encoder_to_onnx(stored), decoder_to_onnx(stored)] == files, "another file"


def test_onnx_agrees_with_pytorch(model, files, images):
    assert 0 < check_parity(model, *files, images.pixels) <= PARITY_LIMIT == 1e-5


@pytest.mark.parametrize("wrong", [1.0, torch.nan])
def test_files_of_another_model_are_refused(model, files, images, wrong):
    other = copy.deepcopy(model)
    torch.nn.init.constant_(other.scale_head.bias, wrong)
    with pytest.raises(GrvaeError, match=r"ONNX and PyTorch differ by .*, should be at most 1e-05"):
        check_parity(other, *files, images.pixels)


def test_file_is_whole_and_holds_no_path(files):
    for content in files:
        assert not any(
            each.external_data for each in onnx.load_from_string(content).graph.initializer
        )
        assert str(PROJECT).encode() not in content
        assert b".py" not in content
        assert b"+cu" not in content
