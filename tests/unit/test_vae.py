import numpy as np
import pytest

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.storage import load_arrays, save_arrays
from grvae.model.vae import Architecture, build_vae, load_vae, save_vae


@pytest.mark.parametrize("is_image", [False, True])
def test_file_without_the_weights_of_its_architecture_is_named(tmp_path, is_image):
    path = tmp_path / "weights.safetensors"
    architecture = Architecture("mlp", (8, 4), "relu", False, 3, "relu", "gaussian")
    save_vae(path, build_vae(architecture, random_stream(0, "init")))
    arrays, about = load_arrays(path)
    if is_image:
        save_arrays(path, {"images": np.zeros((1, 28, 28), np.uint8)})
    else:
        save_arrays(path, arrays, about | {"hidden_sizes": [9, 4]})
    with pytest.raises(GrvaeError, match=r"weights.safetensors: does not hold the weights"):
        load_vae(path)
