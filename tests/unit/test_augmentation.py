import pytest
import torch

from grvae.model.augmentation import augment, rotate_at_random, shift_at_random


def shifted(row, column, max_shift, images=500):
    pixels = torch.zeros(images, 28, 28)
    pixels[:, row, column] = 1
    return shift_at_random(pixels.flatten(1), max_shift, torch.Generator().manual_seed(0))


def test_shifted_image_is_the_image_elsewhere_on_black():
    moved = shifted(10, 10, 2)
    assert torch.equal(moved.sum(dim=1), torch.ones(500))
    places = moved.argmax(dim=1).bincount(minlength=784).view(28, 28)
    assert places[8:13, 8:13].tolist() == [[20] * 5] * 5


def test_ink_that_leaves_the_image_does_not_come_back_elsewhere():
    assert set(shifted(0, 0, 1).nonzero()[:, 1].tolist()) == {0, 1, 28, 29}


def test_even_a_batch_of_one_moves_every_way():
    stream = torch.Generator().manual_seed(0)
    image = torch.zeros(1, 784)
    image[0, 28 * 10 + 10] = 1
    places = {int(shift_at_random(image, 1, stream).argmax()) for _ in range(200)}
    assert len(places) == 9


def test_rotation_keeps_the_ink_about_its_centre(images):
    ring = torch.zeros(1, 28, 28)
    ring[0, 10:18, 10:18] = 1
    turned = rotate_at_random(ring.flatten(1).repeat(50, 1), 90.0, torch.Generator().manual_seed(0))
    assert turned.sum(dim=1).numpy() == pytest.approx(64, rel=0.02)
    columns = (turned.view(-1, 28, 28).sum(dim=1) * torch.arange(28)).sum(dim=1) / 64
    assert columns.numpy() == pytest.approx(13.5, abs=0.3)


def test_turn_by_no_degrees_is_the_image():
    image = torch.rand(1, 784)
    turned = rotate_at_random(image.repeat(100, 1), 0.0, torch.Generator())
    assert torch.allclose(turned, image.repeat(100, 1), atol=1e-5)


def test_images_pass_unchanged_where_nothing_is_asked_for(images):
    assert augment(images.pixels, 0, 0.0, torch.Generator()) is images.pixels


def test_both_are_done_where_both_are_asked_for(images):
    stream = torch.Generator().manual_seed(0)
    turned = rotate_at_random(images.pixels, 10.0, stream)
    both = shift_at_random(turned, 2, stream)
    assert torch.equal(augment(images.pixels, 2, 10.0, torch.Generator().manual_seed(0)), both)
