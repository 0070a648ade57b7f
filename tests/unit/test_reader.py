import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.storage import save_arrays
from studies.claims.reader import load_reader, posterior, reader_accuracy, save_reader, train_reader
from studies.claims.study import ReaderRecipe


def recipe_of(steps):
    return ReaderRecipe(steps=steps, batch_size=128, learning_rate=0.01, max_shift=2)


def weights_of(reader):
    return torch.cat([weights.flatten() for weights in reader.state_dict().values()])


def test_images_are_named_by_their_label(images):
    assert reader_accuracy(train_reader(images, recipe_of(20), seed=0), images) > 0.9


def test_accuracy_counts_images_whose_likeliest_digit_is_their_label(images):
    reader = train_reader(images, recipe_of(3), seed=0)
    probabilities = posterior(reader, images.pixels)
    right = (probabilities.argmax(dim=1) == images.labels).sum().item()
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(200))
    assert reader_accuracy(reader, images) == pytest.approx(right / 200)


def test_same_seed_gives_the_same_reader_whatever_the_global_state(images):
    first = weights_of(train_reader(images, recipe_of(2), seed=0))
    torch.manual_seed(5)
    assert torch.equal(first, weights_of(train_reader(images, recipe_of(2), seed=0)))
    assert not torch.equal(first, weights_of(train_reader(images, recipe_of(2), seed=1)))


def test_number_of_threads_changes_no_bit_and_is_left_as_it_was(images):
    before = torch.get_num_threads()
    first = weights_of(train_reader(images, recipe_of(2), seed=0))
    try:
        torch.set_num_threads(3)
        assert torch.equal(first, weights_of(train_reader(images, recipe_of(2), seed=0)))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_global_randomness_is_left_alone(images):
    before = torch.get_rng_state()
    train_reader(images, recipe_of(1), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_reader_that_was_written_and_read_says_the_same(images, tmp_path):
    reader = train_reader(images, recipe_of(2), seed=0)
    save_reader(tmp_path / "reader.safetensors", reader)
    read = load_reader(tmp_path / "reader.safetensors")
    assert torch.equal(posterior(read, images.pixels), posterior(reader, images.pixels))


def test_file_without_a_reader_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_arrays(path, {"weights": torch.zeros(3).numpy()})
    with pytest.raises(
        GrvaeError, match=r"other\.safetensors: does not hold the weights of a reader"
    ):
        load_reader(path)
