import pytest
import torch
from torch import nn

from grvae.base.errors import GrvaeError
from grvae.model.vae import build_model
from grvae.use.demo_layers import describe_layers, quantise, round_weights


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
