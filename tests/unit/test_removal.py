"""What is left of a class without its label latents."""

import pytest
import torch

from studies import removal
from studies.removal import leakage, relearning, resampled
from tests.handmade import brightest_of_ten, images_read_as, pixel_reader

LABELS = torch.arange(1000) % 10
OWN = [[digit] for digit in range(10)]
ONE_LIT = torch.eye(10)[LABELS]
NEXT_LIT = torch.eye(10)[(LABELS + 1) % 10]


@pytest.fixture
def leaked(params):
    def run(latents, own=OWN):
        return leakage((latents, latents), (LABELS, LABELS), own, params.evaluation)

    return run


def test_label_latents_get_the_values_of_an_image_of_another_class():
    latents = torch.arange(10.0).repeat(20, 1) + 100 * LABELS[:20, None]
    found = resampled(latents, LABELS[:20], OWN)
    at_label = torch.eye(10, dtype=torch.bool)[LABELS[:20]]
    assert torch.equal(found[~at_label], latents[~at_label])
    from_class = (found[at_label] // 100).long()
    assert (from_class != LABELS[:20]).all() and len(from_class.unique()) == 10


def test_code_of_the_label_latent_alone_leaks_nothing(leaked):
    assert leaked(ONE_LIT) == pytest.approx(0.1)


def test_class_that_other_latents_encode_too_leaks(leaked):
    assert leaked(torch.cat([ONE_LIT, NEXT_LIT], dim=1)) == 1
    both = [[digit, 10 + (digit + 1) % 10] for digit in range(10)]
    assert leaked(torch.cat([ONE_LIT, NEXT_LIT], dim=1), both) == pytest.approx(0.1)


@pytest.fixture
def relearned(monkeypatch):
    def run(model, images, **steps):
        monkeypatch.setattr(removal, "STEPS", steps)
        return relearning(model, images, images, OWN, torch.zeros(10), brightest_of_ten)

    return run


def test_class_is_shown_again_once_it_is_relearned_without_its_latent(relearned):
    # Without its latent an image is dark, and a classifier of dark images names a 0: so it learns
    # to light other pixels, or darkens those of the other digits, in one step.
    images, model = images_read_as(LABELS, LABELS), pixel_reader()
    before = [parameter.clone() for parameter in model.parameters()]
    assert relearned(model, images, soon=1, later=2) == {"soon": 1, "later": 1}
    assert all(map(torch.equal, before, model.parameters()))


def test_class_that_cannot_be_learned_without_its_latent_stays_away(relearned, monkeypatch):
    monkeypatch.setattr(removal, "LEARNING_RATE", 0.0)
    images = images_read_as(LABELS, LABELS)
    # Where nothing is lit the classifier names a 0.
    assert relearned(pixel_reader(), images, soon=1) == {"soon": pytest.approx(0.1)}


def test_image_that_did_not_show_its_class_before_does_not_count(relearned):
    images, model = images_read_as(LABELS, LABELS), pixel_reader()
    with torch.no_grad():
        model.decoder.weight[4] = 0
        model.decoder.bias[4] = -1
    assert relearned(model, images, soon=1) == {"soon": 1}


def test_image_that_shows_its_class_only_afterwards_does_not_count(relearned, monkeypatch):
    monkeypatch.setattr(removal, "LEARNING_RATE", 0.0)
    images, model = images_read_as(LABELS, LABELS), pixel_reader()
    with torch.no_grad():  # a 0 is drawn as a 1, until its latent is dark and it is named a 0
        model.decoder.weight[1, 0] = 2
    assert relearned(model, images, soon=1) == {"soon": 0}


def test_longer_is_counted_from_the_start(relearned, monkeypatch):
    steps = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (steps.append(1), step(self)))
    relearned(pixel_reader(), images_read_as(LABELS, LABELS), soon=2, later=5)
    assert len(steps) == 50
