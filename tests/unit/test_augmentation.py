import torch

from grvae.base.image_spec import MNIST
from grvae.model.augmentation import shift_at_random


def shifted(row, column, max_shift, images=500):
    pixels = torch.zeros(images, 28, 28)
    pixels[:, row, column] = 1
    return shift_at_random(pixels.flatten(1), MNIST, max_shift, torch.Generator().manual_seed(0))


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
    places = {int(shift_at_random(image, MNIST, 1, stream).argmax()) for _ in range(200)}
    assert len(places) == 9


def test_images_keep_their_order_and_move_within_the_batch_by_parts():
    # Image k has k + 1 in every pixel, so that ink at the centre tells which it is.
    pixels = (torch.arange(100.0) + 1)[:, None].expand(100, 784)
    moved = shift_at_random(pixels, MNIST, 1, torch.Generator().manual_seed(0)).view(100, 28, 28)
    assert moved[:, 14, 14].tolist() == pixels[:, 0].tolist()
    # A hundred images are nine parts: eight of twelve and one of four.
    edges = torch.stack([moved[:, 0, 14], moved[:, 27, 14], moved[:, 14, 0], moved[:, 14, 27]])
    ways = [tuple(row) for row in (edges > 0).T.tolist()]
    assert [ways.count(way) for way in dict.fromkeys(ways)] == [12] * 8 + [4]
