import math

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


def spot(right, down):
    """A soft spot that far from the centre of an image."""
    along = torch.arange(28) - 13.5
    square = (along - right).square()[None, :] + (along - down).square()[:, None]
    return torch.exp(-square / 4).flatten()[None]


def centre(images):
    """Where the ink of images lies: right and down (image, 2) of their centre."""
    ink, along = images.view(-1, 28, 28), torch.arange(28) - 13.5
    right, down = (ink * along).sum(dim=(1, 2)), (ink * along[:, None]).sum(dim=(1, 2))
    return torch.stack([right, down], dim=1) / ink.sum(dim=(1, 2))[:, None]


def test_rotation_turns_every_image_about_the_centre_by_an_angle_of_its_own():
    images = spot(7.0, 2.0).repeat(400, 1)
    turned = rotate_at_random(images, 60.0, torch.Generator().manual_seed(0))
    # Any angle up to 60 degrees either way is as likely as any other.
    angles = math.radians(60) * (
        2 * torch.rand(400, generator=torch.Generator().manual_seed(0)) - 1
    )
    assert (angles.min(), angles.max()) == pytest.approx((-1.04, 1.04), abs=0.03)
    start = torch.tensor([7.0, 2.0])
    back = torch.stack([angles.cos(), angles.sin(), -angles.sin(), angles.cos()], dim=1)
    expected = back.view(-1, 2, 2) @ start
    torch.testing.assert_close(centre(turned), expected, atol=0.02, rtol=0)
    torch.testing.assert_close(turned.sum(dim=1), images.sum(dim=1), atol=0.2, rtol=0)


def test_ink_that_is_turned_out_of_the_image_is_lost():
    corner = torch.zeros(1, 784)
    corner[0, 0] = 1
    turned = rotate_at_random(corner.repeat(200, 1), 45.0, torch.Generator().manual_seed(0))
    assert (turned.sum(dim=1) < 0.01).float().mean() > 0.85


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


def test_one_is_done_where_only_one_is_asked_for(images):
    turned = rotate_at_random(images.pixels, 10.0, torch.Generator().manual_seed(0))
    moved = shift_at_random(images.pixels, 2, torch.Generator().manual_seed(0))
    assert torch.equal(augment(images.pixels, 0, 10.0, torch.Generator().manual_seed(0)), turned)
    assert torch.equal(augment(images.pixels, 2, 0.0, torch.Generator().manual_seed(0)), moved)


def test_images_keep_their_order_and_move_within_the_batch_by_parts():
    # Image k has k + 1 in every pixel, so that ink at the centre tells which it is.
    pixels = (torch.arange(100.0) + 1)[:, None].expand(100, 784)
    moved = shift_at_random(pixels, 1, torch.Generator().manual_seed(0)).view(100, 28, 28)
    assert moved[:, 14, 14].tolist() == pixels[:, 0].tolist()
    # A hundred images are nine parts: eight of twelve and one of four.
    edges = torch.stack([moved[:, 0, 14], moved[:, 27, 14], moved[:, 14, 0], moved[:, 14, 27]])
    ways = [tuple(row) for row in (edges > 0).T.tolist()]
    assert [ways.count(way) for way in dict.fromkeys(ways)] == [12] * 8 + [4]
