import pytest
import torch
from click.testing import CliRunner

from grvae.base.errors import GrvaeError
from grvae.base.storage import load_json, save_arrays
from studies import classifier
from studies.classifier import classify, load_classifier, train_classifier
from tests.conftest import weights_of


def test_images_are_classified_by_their_label(images):
    trained = train_classifier(images, seed=0, steps=20)
    assert (classify(trained, images.pixels) == images.labels).float().mean() > 0.9


def test_seed_alone_decides_the_weights_whatever_the_threads_and_the_global_state(
    images, set_threads
):
    state = torch.get_rng_state()
    first = weights_of(train_classifier(images, seed=0, steps=2))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    set_threads(3)
    assert torch.equal(first, weights_of(train_classifier(images, seed=0, steps=2)))
    assert torch.get_num_threads() == 3
    assert not torch.equal(first, weights_of(train_classifier(images, seed=1, steps=2)))


def test_stage_leaves_weights_that_read_back_and_the_accuracy_on_test_images(
    images, tmp_path, monkeypatch
):
    trained = train_classifier(images, seed=0, steps=2)
    monkeypatch.setattr(classifier, "load_images", lambda _: images)
    monkeypatch.setattr(classifier, "train_classifier", lambda *_, **__: trained)
    options = ["--data", tmp_path, "--weights", tmp_path / "w", "--measures", tmp_path / "m"]
    CliRunner().invoke(classifier.main, list(map(str, options)), catch_exceptions=False)
    read = load_classifier(tmp_path / "w")
    assert torch.equal(weights_of(read), weights_of(trained))
    right = (classify(read, images.pixels) == images.labels).float().mean().item()
    assert load_json(tmp_path / "m") == {"test_accuracy": right}


def test_file_without_a_classifier_is_named(tmp_path):
    path = tmp_path / "other.safetensors"
    save_arrays(path, {"weights": torch.zeros(3).numpy()})
    with pytest.raises(GrvaeError, match=r"other\.safetensors: does not hold the weights of a "):
        load_classifier(path)
