import pytest
import torch

from grvae.base.errors import GrvaeError
from grvae.base.storage import save_arrays
from studies.claims.reader import judge_accuracy, load_judge, posterior, save_judge, train_judge


def weights_of(judge):
    return torch.cat([weights.flatten() for weights in judge.state_dict().values()])


def test_images_are_named_by_their_label(images):
    assert judge_accuracy(train_judge(images, seed=0, steps=20), images) > 0.9


def test_accuracy_counts_images_whose_likeliest_digit_is_their_label(images):
    judge = train_judge(images, seed=0, steps=3)
    probabilities = posterior(judge, images.pixels)
    right = (probabilities.argmax(dim=1) == images.labels).sum().item()
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(200))
    assert judge_accuracy(judge, images) == pytest.approx(right / 200)


def test_same_seed_gives_the_same_judge_whatever_the_global_state(images):
    first = weights_of(train_judge(images, seed=0, steps=2))
    torch.manual_seed(5)
    assert torch.equal(first, weights_of(train_judge(images, seed=0, steps=2)))
    assert not torch.equal(first, weights_of(train_judge(images, seed=1, steps=2)))


def test_number_of_threads_changes_no_bit_and_is_left_as_it_was(images):
    before = torch.get_num_threads()
    first = weights_of(train_judge(images, seed=0, steps=2))
    try:
        torch.set_num_threads(3)
        assert torch.equal(first, weights_of(train_judge(images, seed=0, steps=2)))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_global_randomness_is_left_alone(images):
    before = torch.get_rng_state()
    train_judge(images, seed=0, steps=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_judge_that_was_written_and_read_says_the_same(images, tmp_path):
    judge = train_judge(images, seed=0, steps=2)
    save_judge(tmp_path / "judge.safetensors", judge)
    read = load_judge(tmp_path / "judge.safetensors")
    assert torch.equal(posterior(read, images.pixels), posterior(judge, images.pixels))


def test_file_without_a_judge_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_arrays(path, {"weights": torch.zeros(3).numpy()})
    with pytest.raises(
        GrvaeError, match=r"other\.safetensors: does not hold the weights of a judge"
    ):
        load_judge(path)
