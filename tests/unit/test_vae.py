from pathlib import Path

import numpy as np
import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.storage import load_arrays, save_arrays
from grvae.model.vae import Architecture, build_vae, load_vae, save_vae


def build(**changes):
    values = {
        "network": "mlp",
        "hidden_sizes": (8, 4),
        "hidden_act": "relu",
        "bottleneck": False,
        "latents": 3,
        "latent_act": "relu",
        "posterior": "gaussian",
    }
    return build_vae(Architecture(**(values | changes)), random_stream(0, "init"))


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize(
    "network",
    [{}, {"network": "conv_encoder", "hidden_sizes": (2, 3, 4)}],
    ids=["mlp", "conv_encoder"],
)
def test_shapes_from_pixels_to_pixels(network, bottleneck):
    model = build(bottleneck=bottleneck, **network)
    mean, scale = model.encode(torch.rand(5, 784))
    assert mean.shape == scale.shape == (5, 3)
    assert model.decode(model.activate(mean)).shape == (5, 784)


def test_published_architecture_has_the_published_number_of_weights():
    model = build(hidden_sizes=(2048, 512), bottleneck=True, latents=10)
    encoder = 784 * 2048 + 2048 + 2048 * 512 + 512 + 512 * 10 + 10
    heads = 2 * (10 * 10 + 10)
    decoder = 10 * 512 + 512 + 512 * 2048 + 2048 + 2048 * 784 + 784
    assert sum(p.numel() for p in model.parameters()) == encoder + heads + decoder


@pytest.mark.parametrize(
    ("latent_act", "expected"),
    [("relu", [0, 2]), ("none", [-1, 2]), ("abs", [1, 2]), ("softplus", [0.313262, 2.126928])],
)
def test_latent_activation(latent_act, expected):
    activated = build(latent_act=latent_act).activate(torch.tensor([-1.0, 2.0]))
    assert activated.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("posterior", "scale", "std"), [("gaussian", 1.386294, 2), ("as_published", -3.0, -3)]
)
def test_gaussian_head_is_a_log_variance_and_the_published_one_the_deviation(posterior, scale, std):
    found = build(posterior=posterior).noise_std(torch.tensor([scale]))
    assert found.item() == pytest.approx(std)


def test_building_leaves_the_global_random_state_alone():
    before = torch.random.get_rng_state()
    build()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_saved_model_comes_back_the_same(tmp_path):
    model, path, pixels = build(), tmp_path / "weights.safetensors", torch.rand(2, 784)
    save_vae(path, model)
    loaded = load_vae(path)
    assert loaded.architecture == model.architecture
    assert torch.equal(loaded.encode(pixels)[0], model.encode(pixels)[0])


@pytest.mark.parametrize("is_image", [False, True])
def test_file_without_the_weights_of_its_architecture_is_named(tmp_path, is_image):
    path = tmp_path / "weights.safetensors"
    save_vae(path, build())
    arrays, about = load_arrays(path)
    if is_image:
        save_arrays(path, {"images": np.zeros((1, 28, 28), np.uint8)})
    else:
        save_arrays(path, arrays, about | {"hidden_sizes": [9, 4]})
    with pytest.raises(GrvaeError, match=r"weights.safetensors: does not hold the weights"):
        load_vae(path)


class Payload:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_malicious_pickle_offered_as_weights_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder.0.weight": Payload()}, "weights.safetensors")
    with pytest.raises(GrvaeError, match="corrupt, or not an array file"):
        load_vae(Path("weights.safetensors"))
    assert not Path("executed").exists()
