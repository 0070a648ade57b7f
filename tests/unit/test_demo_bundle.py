import base64
import json

import numpy as np
import pytest
import torch
from torch import nn

from grvae.base.errors import GrvaeError
from grvae.model.images import ImageSet
from grvae.model.training import build_model
from grvae.use.demo_bundle import (
    MISREAD_DIGITS,
    TYPICAL_DIGITS,
    Run,
    build_bundle,
    describe_digits,
    describe_layers,
    quantise,
    round_weights,
    write_page,
)
from tests.conftest import PROJECT

SIX_MEGABYTES = 6e6
MEASURES = {
    "images": 200,
    "argmax_accuracy": 0.5,
    "assigned_accuracy": 0.5,
    "squared_error_per_image": 25.0,
    "assignment": list(range(10)),
}


def run_of(recipe, variant="routed"):
    model = build_model(recipe, "relu", seed=0)
    return Run(variant, 0, recipe.model_dump(), model, "0" * 64, MEASURES)


def decoded(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_layers_carry_their_weights_and_the_activation_that_follows():
    torch.manual_seed(0)
    modules = [nn.Linear(3, 2), nn.SiLU(), nn.Linear(2, 2), nn.Linear(2, 1), nn.ReLU()]
    layers = describe_layers(modules)
    assert [layer["activation"] for layer in layers] == ["silu", "none", "relu"]
    assert (layers[0]["inputs"], layers[0]["outputs"]) == (3, 2)
    weights = decoded(layers[0]["weights"], "<i2").reshape(2, 3)
    weights = weights * decoded(layers[0]["scale"], "<f4")[:, None]
    np.testing.assert_allclose(weights, modules[0].weight.detach(), atol=1e-5)
    np.testing.assert_array_equal(decoded(layers[0]["bias"], "<f4"), modules[0].bias.detach())


def test_layer_that_the_page_cannot_compute_is_named():
    with pytest.raises(GrvaeError, match="cannot compute a layer of type Dropout"):
        describe_layers([nn.Linear(1, 1), nn.Dropout()])


def test_rounding_is_relative_to_the_largest_weight_of_a_row():
    integers, scale = quantise(torch.tensor([[100.0, -50.0], [0.0, 0.0], [1e-3, -1e-3]]))
    assert integers.tolist() == [[32767, -16384], [0, 0], [32767, -32767]]
    torch.testing.assert_close(
        integers * scale[:, None], torch.tensor([[100.0, -50.0015], [0, 0], [1e-3, -1e-3]])
    )


def test_rounded_model_encodes_almost_the_same(recipe, images):
    model = build_model(recipe, "relu", seed=0)
    with torch.no_grad():
        difference = model.encode(images.pixels)[0] - round_weights(model).encode(images.pixels)[0]
    assert 0 < difference.abs().max() < 1e-4


def test_digits_are_typical_first_and_then_misread(recipe):
    model = build_model(recipe, "relu", seed=0)
    pixels = torch.rand(1000, 784, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(1000) % 10
    digits = describe_digits(model, ImageSet(pixels, labels))
    numbers = torch.tensor(digits["numbers"])
    assert digits["typical"] == TYPICAL_DIGITS
    assert len(numbers) == len(set(digits["numbers"])) == TYPICAL_DIGITS + MISREAD_DIGITS
    assert digits["labels"] == labels[numbers].tolist()
    with torch.no_grad():
        misread = model.encode(pixels[numbers])[0].argmax(dim=1) != labels[numbers]
    assert digits["misread"] == misread.nonzero().flatten().tolist()
    assert misread[TYPICAL_DIGITS:].all()
    stored = decoded(digits["pixels"], np.uint8).reshape(-1, 784)
    np.testing.assert_allclose(stored / 255, pixels[numbers], atol=0.51 / 255)


def test_slider_reaches_rest_and_the_pure_digits_and_can_always_move(recipe, images):
    bundle = build_bundle([run_of(recipe)], images, images)
    latents = {name: np.array(each) for name, each in bundle["models"][0]["latents"].items()}
    assert (latents["low"] <= latents["rest"]).all()
    assert (latents["rest"] <= latents["high"]).all()
    assert (latents["low"] <= latents["pure"]).all()
    assert (latents["pure"] <= latents["high"]).all()
    assert (latents["high"] > latents["low"]).all()


def test_page_is_the_same_bytes_each_time(recipe, images, tmp_path):
    sources = PROJECT / "grvae" / "demo"
    for name in ("one", "two"):
        bundle = build_bundle([run_of(recipe), run_of(recipe, "baseline")], images, images)
        write_page(tmp_path / name, sources, bundle)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted([path.name for path in sources.iterdir()] + ["data.js"])
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    script = (tmp_path / "one" / "data.js").read_text()
    data = json.loads(script.split("const GRVAE_DATA = ")[1].removesuffix(";\n"))
    assert [model["variant"] for model in data["models"]] == ["routed", "baseline"]


def test_page_of_the_default_networks_is_small(params, images, tmp_path):
    runs = [run_of(params.recipe_of(variant), variant) for variant in params.variants[:2]]
    many = ImageSet(images.pixels.repeat(20, 1), images.labels.repeat(20))
    size = write_page(tmp_path, PROJECT / "grvae" / "demo", build_bundle(runs, images, many))
    assert size < SIX_MEGABYTES


def test_sources_without_a_page_are_refused(tmp_path):
    with pytest.raises(GrvaeError, match=r"no index\.html in"):
        write_page(tmp_path / "page", tmp_path, {})
