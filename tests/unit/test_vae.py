import numpy as np
import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.storage import load_arrays, save_arrays
from grvae.model.vae import Architecture, build_vae, load_vae, save_vae


@pytest.fixture
def model():
    architecture = Architecture("mlp", (8, 4), "relu", False, 3, "relu", "gaussian")
    return build_vae(architecture, random_stream(0, "init"))


def test_saved_model_comes_back_the_same(tmp_path, model):
    path, pixels = tmp_path / "weights.safetensors", torch.rand(2, 784)
    save_vae(path, model)
    loaded = load_vae(path)
    assert loaded.architecture == model.architecture
    assert torch.equal(loaded.encode(pixels)[0], model.encode(pixels)[0])


@pytest.mark.parametrize("is_image", [False, True])
def test_file_without_the_weights_of_its_architecture_is_named(tmp_path, model, is_image):
    path = tmp_path / "weights.safetensors"
    save_vae(path, model)
    arrays, about = load_arrays(path)
    if is_image:
        save_arrays(path, {"images": np.zeros((1, 28, 28), np.uint8)})
    else:
        save_arrays(path, arrays, about | {"hidden_sizes": [9, 4]})
    with pytest.raises(GrvaeError, match=r"weights.safetensors: does not hold the weights"):
        load_vae(path)
