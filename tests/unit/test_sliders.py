import pytest
import torch

from grvae.measure.sliders import latents_of_places, reached_range, read_sliders

ENDS = (5.0, 95.0)


def test_single_outlier_does_not_stretch_the_range_of_its_latent():
    latents = torch.linspace(0, 1, 1001)[:, None] * torch.tensor([1.0, 3.0])
    latents[0] = 100
    low, high = reached_range(latents)
    assert low.tolist() == pytest.approx([0, 0], abs=0.02)
    assert high.tolist() == pytest.approx([1, 3], abs=0.02)


def test_slider_moves_all_latents_of_its_digit_and_no_other():
    latents = torch.tensor([[1.0, 5.0, 7.0], [3.0, 9.0, 8.0], [0.0, 0.0, 9.0], [0.0, 0.0, 6.0]])
    sliders = read_sliders(latents, torch.tensor([0, 0, 1, 1]), [[0, 1], []], ENDS)
    assert sliders.pure.tolist() == [[1, 5, 7], [0, 0, 7]]
    assert torch.allclose(sliders.low, torch.tensor([[1.1, 5.2, 7.0], [0.0, 0.0, 7.0]]))
    assert torch.allclose(sliders.high, torch.tensor([[2.9, 8.8, 7.0], [0.0, 0.0, 7.0]]))


def test_place_is_a_digit_s_block_of_latents():
    assert latents_of_places(1, [2, 0]) == [[2], [0]]
    assert latents_of_places(3, [1, 0]) == [[3, 4, 5], [0, 1, 2]]
