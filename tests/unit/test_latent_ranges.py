import torch

from grvae.latent_ranges import latent_ranges


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
