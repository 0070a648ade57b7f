import torch

from grvae.measure.sliders import digit_sliders, latent_ranges, own_latents


def test_rest_range_and_pure_values_are_read_off_the_images():
    # Latent 0 is 9 on images of digit 1 and 1 elsewhere; latent 1 is 5 on images of digit 0.
    latents = torch.tensor([[1.0, 5.0], [1.0, 5.0], [1.0, 0.0], [9.0, 0.0], [1.0, 0.0]])
    labels = torch.tensor([0, 0, 2, 1, 2])
    ranges = latent_ranges(latents, labels, assignment=[1, 0])
    assert ranges.rest.tolist() == [1, 0]
    assert ranges.pure.tolist() == [[1, 5], [9, 0]]
    assert torch.allclose(ranges.low, torch.tensor([1.0, 0.0]))
    assert torch.allclose(ranges.high, torch.tensor([9.0, 5.0]), atol=0.2)
    assert ranges.own_low.tolist() == ranges.own_high.tolist() == [9, 5]


def test_single_outlier_does_not_stretch_the_range():
    latents = torch.linspace(0, 1, 1001)[:, None].clone()
    latents[0] = 100
    ranges = latent_ranges(latents, torch.zeros(1001, dtype=torch.long), assignment=[0])
    assert ranges.high.item() < 1.1


def test_slider_of_one_latent_a_digit_is_that_latents_own_range():
    latents = torch.rand(60, 3, generator=torch.Generator().manual_seed(0))
    labels, assignment = torch.arange(60) % 3, [2, 0, 1]
    ranges = latent_ranges(latents, labels, assignment)
    sliders = digit_sliders(latents, labels, own_latents(assignment, digits=3))
    assert torch.equal(sliders.rest, ranges.rest)
    assert torch.equal(sliders.pure, ranges.pure)
    assert torch.equal(sliders.low[assignment, range(3)], ranges.own_low)
    assert torch.equal(sliders.high[assignment, range(3)], ranges.own_high)


def test_slider_moves_all_latents_of_its_digit_and_no_other():
    latents = torch.tensor([[1.0, 5.0, 7.0], [3.0, 9.0, 8.0], [0.0, 0.0, 9.0], [0.0, 0.0, 6.0]])
    sliders = digit_sliders(latents, torch.tensor([0, 0, 1, 1]), own=[[0, 1], []])
    assert sliders.pure.tolist() == [[1, 5, 7], [0, 0, 7]]
    assert torch.allclose(sliders.low, torch.tensor([[1.1, 5.2, 7.0], [0.0, 0.0, 7.0]]))
    assert torch.allclose(sliders.high, torch.tensor([[2.9, 8.8, 7.0], [0.0, 0.0, 7.0]]))


def test_latents_named_for_no_digit_are_nobodys():
    assert own_latents([1, 0, -1, 1], digits=2) == [[1], [0, 3]]
