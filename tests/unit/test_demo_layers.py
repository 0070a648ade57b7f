import numpy as np
import pytest
import torch
from torch import nn

from grvae.base.errors import GrvaeError
from grvae.model.vae import build_model
from grvae.use.demo_layers import describe_layers, quantise, round_weights


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
    changes = {"network": "conv_encoder", "hidden_sizes": [4, 6, 20], "decoder_sizes": [16]}
    model = build_model(recipe.model_copy(update=changes), "relu", seed=0)
    encoder, _ = describe_layers([*model.encoder, model.mean_head])
    kinds = ["convolution", "convolution", "linear", "linear"]
    assert [layer["kind"] for layer in encoder] == kinds
    assert [layer.get("out_side") for layer in encoder] == [12, 5, None, None]


def test_layer_that_the_page_cannot_compute_is_named():
    with pytest.raises(GrvaeError, match="cannot compute: Dropout"):
        describe_layers([nn.Dropout()])


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
