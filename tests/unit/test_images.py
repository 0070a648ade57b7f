import numpy as np
import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_arrays, save_arrays
from grvae.data.labelled import Dataset
from grvae.data.sets import write_splits
from grvae.model.images import ImageSet, draw_validation, load_images


def test_pixels_are_flat_and_scaled_to_one(tmp_path):
    images = np.zeros((2, 28, 28), np.uint8)
    images[1, 0, 0] = 255
    save_arrays(tmp_path / "images", {"images": images, "labels": np.array([3, 4])})
    loaded = load_images(tmp_path / "images")
    assert (loaded.stored.dtype, loaded.pixels.dtype) == (torch.uint8, torch.float32)
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
    ],
)
def test_file_without_proper_images_is_named(tmp_path, arrays):
    save_arrays(tmp_path / "other", arrays)
    with pytest.raises(GrvaeError, match="other: does not hold labelled images"):
        load_images(tmp_path / "other")


def test_only_a_split_that_may_be_empty_is_read_where_it_is(tmp_path):
    nothing = {"images": np.zeros((0, 28, 28), np.uint8), "labels": np.zeros(0, np.int64)}
    save_arrays(tmp_path / "empty", nothing)
    assert len(load_images(tmp_path / "empty", may_be_empty=True)) == 0
    with pytest.raises(GrvaeError, match="empty: does not hold labelled images"):
        load_images(tmp_path / "empty")


def test_bytes_of_some_images_are_scaled_as_those_of_all():
    images = ImageSet(torch.arange(256, dtype=torch.uint8)[:, None], torch.arange(256))
    some = torch.tensor([255, 3, 77])
    assert torch.equal(images[some].pixels, images.pixels[some])
    assert images.pixels.flatten().tolist() == (np.arange(256, dtype=np.float32) / 255).tolist()


@pytest.mark.parametrize("fraction", [0.0, 0.3])
def test_split_is_the_same_each_time_and_positions_tell_the_published_order(tmp_path, fraction):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    published = Dataset(pixels, np.arange(40) % 10)
    data = DataFolder(tmp_path)
    write_splits(data, published, published, fraction)
    parts = [load_arrays(path)[0] for path in (data.train, data.validation)]
    assert len(parts[0]["labels"]) == 40 - round(40 * fraction)
    for part in parts:
        assert (part["images"] == pixels[part["positions"]]).all()
        assert (part["labels"] == published.labels[part["positions"]]).all()
    assert sorted(np.concatenate([part["positions"] for part in parts])) == list(range(40))
    assert (parts[0]["positions"] == draw_validation(40, fraction)[0].numpy()).all()
