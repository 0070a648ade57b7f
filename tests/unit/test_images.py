import numpy as np
import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.storage import save_arrays
from grvae.model.images import ImageSet, load_images, split_validation


def test_pixels_are_flat_and_scaled_to_one(tmp_path):
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 0] = 255
    save_arrays(tmp_path / "images", {"images": images, "labels": np.array([3, 4])})
    loaded = load_images(tmp_path / "images")
    assert loaded.pixels.shape == (2, 784)
    assert loaded.pixels.sum() == loaded.pixels[1, 0] == 1
    assert loaded.labels.tolist() == [3, 4]


@pytest.mark.parametrize(
    "arrays",
    [
        {"labels": np.array([3])},
        {"images": np.zeros((2, 28, 28), np.uint8), "labels": np.array([3])},
        {"images": np.zeros((1, 8, 8), np.uint8), "labels": np.array([3])},
        {"images": np.zeros((1, 28, 28), np.float32), "labels": np.array([3])},
        {"images": np.zeros((1, 28, 28), np.uint8), "labels": np.array([10])},
        {"images": np.zeros((0, 28, 28), np.uint8), "labels": np.zeros(0, np.int64)},
    ],
)
def test_file_without_proper_images_is_named(tmp_path, arrays):
    save_arrays(tmp_path / "other", arrays)
    with pytest.raises(GrvaeError, match="other: does not hold labelled images"):
        load_images(tmp_path / "other")


def numbered(n):
    return ImageSet(torch.arange(float(n)).repeat(784, 1).T, torch.arange(n) % 10)


def test_split_is_disjoint_and_complete():
    train, validation = split_validation(numbered(50), 0.1)
    assert (len(train), len(validation)) == (45, 5)
    together = torch.cat([train.pixels, validation.pixels])[:, 0]
    assert together.sort().values.tolist() == list(range(50))


def test_labels_follow_their_images():
    train, _ = split_validation(numbered(50), 0.1)
    assert torch.equal(train.pixels[:, 0].long() % 10, train.labels)


def test_split_is_the_same_every_time():
    first, second = (split_validation(numbered(50), 0.1)[1] for _ in range(2))
    assert torch.equal(first.pixels, second.pixels)


def test_nothing_is_cut_where_no_validation_is_asked_for():
    train, validation = split_validation(numbered(50), 0.0)
    assert (len(train), len(validation)) == (50, 0)
