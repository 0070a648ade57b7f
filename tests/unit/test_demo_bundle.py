import base64
import json
import zlib

import numpy as np
import pytest
import torch
from torch import nn

from grvae.base.errors import GrvaeError
from grvae.model.images import ImageSet
from grvae.model.vae import build_model
from grvae.use.demo_bundle import (
    DATA_FOLDER,
    PAGE_BUDGET,
    ROOM_FOR_THE_REST,
    TEST_DIGITS,
    Run,
    build_bundle,
    describe_digits,
    describe_layers,
    method_of,
    quantise,
    round_weights,
    write_page,
)
from tests.conftest import PROJECT

BEFORE_THE_FIRST_DRAWING = 1_500_000
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


def inflated(text):
    return zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS)


def test_layers_carry_their_weights_and_the_activation_that_follows():
    torch.manual_seed(0)
    modules = [nn.Linear(3, 2), nn.SiLU(), nn.Linear(2, 2), nn.Linear(2, 1), nn.ReLU()]
    layers, numbers = describe_layers(modules)
    assert [layer["activation"] for layer in layers] == ["silu", "none", "relu"]
    assert (layers[0]["kind"], layers[0]["inputs"], layers[0]["outputs"]) == ("linear", 3, 2)
    scale, bias = np.frombuffer(numbers[:8], "<f4"), np.frombuffer(numbers[8:16], "<f4")
    weights = np.frombuffer(numbers[16:22], np.int8).reshape(2, 3) * scale[:, None]
    np.testing.assert_allclose(weights, modules[0].weight.detach(), atol=scale.max() / 2)
    np.testing.assert_array_equal(bias, modules[0].bias.detach())


def test_convolutions_carry_their_sizes(recipe):
    changes = {"network": "conv", "hidden_sizes": [4, 6, 20]}
    model = build_model(recipe.model_copy(update=changes), "relu", seed=0)
    encoder, _ = describe_layers([*model.encoder, model.mean_head])
    decoder, _ = describe_layers([*model.decoder])
    kinds = ["convolution", "convolution", "linear", "linear"]
    assert [layer["kind"] for layer in encoder] == kinds
    assert [layer.get("out_side") for layer in encoder] == [14, 7, None, None]
    assert [layer.get("out_side") for layer in decoder] == [None, None, 14, 28]


@pytest.mark.parametrize(
    "layer", [nn.Dropout(), nn.Conv2d(1, 1, 3, dilation=2), nn.Conv2d(1, 1, (3, 5))]
)
def test_layer_that_the_page_cannot_compute_is_named(layer):
    with pytest.raises(GrvaeError, match=f"cannot compute: {type(layer).__name__}"):
        describe_layers([layer])


def test_model_of_more_latents_is_left_out_by_name(recipe, images):
    wide = recipe.model_copy(update={"free_latents": 2})
    bundle = build_bundle([run_of(recipe), run_of(wide, "wide")], images, images)
    assert [each["name"] for each in bundle["index"]["models"]] == ["routed-0"]
    assert bundle["index"]["left_out"] == [
        {"name": "wide-0", "reason": "has 12 latents, the page shows 10"}
    ]
    with pytest.raises(GrvaeError, match="no model that the page can show: wide-0 has 12 latents"):
        build_bundle([run_of(wide, "wide")], images, images)


def test_models_over_the_budget_are_left_out(recipe, images):
    runs = [run_of(recipe, variant) for variant in ("routed", "gated", "baseline")]
    whole = build_bundle(runs, images, images)
    assert whole["index"]["left_out"] == []
    one = len(whole["digits"]["pixels"]) + 1.5 * len(whole["routed-0"]["bytes"])
    bundle = build_bundle(runs, images, images, budget=int(ROOM_FOR_THE_REST + one))
    assert [each["name"] for each in bundle["index"]["models"]] == ["routed-0"]
    assert [each["name"] for each in bundle["index"]["left_out"]] == ["gated-0", "baseline-0"]
    assert "would make the page larger than" in bundle["index"]["left_out"][1]["reason"]


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({}, "routed"),
        ({"floor": 5.0, "ceiling": None}, "routed"),
        ({"floor": 5.0, "ceiling": 2.0}, "gated"),
        ({"routing": "none"}, "none"),
        ({"routing": "none", "cross_entropy_weight": 30.0}, "classified"),
    ],
)
def test_method_is_read_off_the_recipe(recipe, changes, method):
    assert method_of(recipe.model_dump() | changes) == method


def test_rounding_is_relative_to_the_largest_weight_of_a_row():
    integers, scale = quantise(torch.tensor([[100.0, -50.0], [0.0, 0.0], [1e-3, -1e-3]]))
    assert integers.tolist() == [[127, -64], [0, 0], [127, -127]]
    torch.testing.assert_close(
        integers * scale[:, None], torch.tensor([[100.0, -50.3937], [0, 0], [1e-3, -1e-3]])
    )


def test_rounded_model_encodes_almost_the_same(recipe, images):
    model = build_model(recipe, "relu", seed=0)
    with torch.no_grad():
        difference = model.encode(images.pixels)[0] - round_weights(model).encode(images.pixels)[0]
    assert 0 < difference.abs().max() < 0.02


def test_digits_are_evenly_taken_and_exact():
    pixels = (torch.rand(2500, 784, generator=torch.Generator().manual_seed(1)) * 255).round() / 255
    labels = torch.arange(2500) % 10
    digits = describe_digits(ImageSet(pixels, labels))
    numbers = torch.tensor(digits["numbers"])
    assert len(numbers) == len(set(digits["numbers"])) == TEST_DIGITS
    assert (numbers[0], numbers[-1]) == (0, 2499)
    assert digits["labels"] == labels[numbers].tolist()
    stored = np.frombuffer(inflated(digits["pixels"]), np.uint8).reshape(-1, 784)
    np.testing.assert_allclose(stored / 255, pixels[numbers], atol=1e-6)


def test_sliders_reach_rest_and_the_pure_digits_and_lie_within_the_bars(recipe, images):
    model = build_bundle([run_of(recipe)], images, images)["routed-0"]
    low, high = model["sliders"]
    for name in ("rest", "pure", "own_low", "own_high"):
        values = np.array(model["latents"][name])
        assert (low - 1e-3 <= values).all()
        assert (values <= high + 1e-3).all()
    assert low < high
    assert model["bars"][0] <= low
    assert high <= model["bars"][1]


def test_doubt_is_what_few_training_images_raise(recipe, images):
    doubt = build_bundle([run_of(recipe)], images, images)["routed-0"]["doubt"]
    ink = images.pixels.sum(dim=1)
    assert ink.min() <= doubt["low_ink"] < doubt["high_ink"] <= ink.max()
    assert doubt["close_margin"] > 0
    assert doubt["high_error_share"] > 0


def test_page_is_the_same_bytes_each_time(recipe, images, tmp_path):
    sources = PROJECT / "grvae" / "demo"
    for name in ("one", "two"):
        bundle = build_bundle([run_of(recipe), run_of(recipe, "baseline")], images, images)
        write_page(tmp_path / name, sources, bundle)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    data = {path.stem for path in files if path.parent.name == DATA_FOLDER}
    assert data == {"index", "digits", "routed-0", "baseline-0"}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    script = (tmp_path / "one" / DATA_FOLDER / "index.js").read_text()
    index = json.loads(script.removeprefix('Data.receive("index", ').removesuffix(");\n"))
    assert [model["variant"] for model in index["models"]] == ["routed", "baseline"]


def test_page_of_the_default_networks_is_small(params, images, tmp_path):
    """Weights have heavy tails, as trained ones have, and so compress better than new ones."""
    variants = ["routed", "baseline"]
    runs = [run_of(params.variant(variant).recipe, variant) for variant in variants]
    for run in runs:
        for weights in run.model.parameters():
            weights.data = torch.distributions.Laplace(0.0, 0.05).sample(weights.shape)
    few = ImageSet(images.pixels[:10], images.labels[:10])
    bundle = build_bundle(runs, images, few)
    size = write_page(tmp_path, PROJECT / "grvae" / "demo", bundle)
    digits = 230_000  # bytes that 1,000 of MNIST's take
    assert size + digits < BEFORE_THE_FIRST_DRAWING
    assert size < PAGE_BUDGET


def test_sources_without_a_page_are_refused(tmp_path):
    with pytest.raises(GrvaeError, match=r"no index\.html in"):
        write_page(tmp_path / "page", tmp_path, {})
