from dataclasses import astuple

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.stats import entropy

from studies.claims import disentanglement as scores
from studies.claims.disentanglement import dci, disentanglement

LABELS = np.arange(2000) % 10
ONE_HOT = np.eye(10)[LABELS]
NOISE = np.random.default_rng(0).normal(size=(2000, 10))
# Every latent is as sure of one half of the digits as of the other.
MIXED = hadamard(16)[:10, 1:11][LABELS] + 0.3 * NOISE


def test_one_hot_code_has_the_scores_worked_out_by_hand():
    score = disentanglement(ONE_HOT, LABELS)
    # Another digit's latent excludes a digit for one image in ten and leaves 1 : 8 for the rest.
    known = entropy([0.1, 0.9]) - 0.9 * entropy([1 / 9, 8 / 9])
    assert score.mutual_information_gap == pytest.approx(1 - known / entropy([0.1, 0.9]))
    # Its threshold is right of all images of the digit and of one in nine of the others.
    assert score.separated_predictability == pytest.approx(1 - (1 + 1 / 9) / 2)
    assert score.dci_disentanglement == pytest.approx(1)
    assert score.dci_completeness == pytest.approx(1)
    assert score.dci_informativeness == 1


def test_mixed_code_is_informative_but_not_disentangled():
    score = disentanglement(MIXED, LABELS)
    assert score.dci_informativeness > 0.9
    assert score.mutual_information_gap < 0.1
    assert score.separated_predictability < 0.1
    assert score.dci_disentanglement < 0.5
    assert score.dci_completeness < 0.5


def test_noise_tells_nothing():
    score = disentanglement(NOISE, LABELS)
    assert score.dci_informativeness == pytest.approx(0.5, abs=0.05)
    assert score.mutual_information_gap < 0.05
    assert score.separated_predictability < 0.05
    assert score.dci_disentanglement < 0.2


def test_two_latents_of_one_digit_are_disentangled_but_leave_no_gap():
    twice = np.hstack([ONE_HOT, ONE_HOT])
    score = disentanglement(twice, LABELS)
    assert score.mutual_information_gap == score.separated_predictability == 0
    assert score.dci_disentanglement == pytest.approx(1)
    assert score.dci_completeness < 1


def test_latent_of_two_digits_lowers_disentanglement_and_not_completeness():
    merged = ONE_HOT.copy()
    merged[:, 0] += 2 * merged[:, 1]
    merged[:, 1] = 0
    disentangled, complete, informative = dci(merged, LABELS[:, None] == np.arange(10))
    # Ten factors of equal weight: two share a latent, whose entropy over them is ln 2.
    assert disentangled == pytest.approx(1 - 0.2 * np.log10(2), abs=0.01)
    assert complete == pytest.approx(1)
    assert informative == 1


def test_order_scale_and_sign_of_the_latents_do_not_matter():
    changed = -3 * MIXED[:, ::-1] + 5
    # A tree may choose the other one of two equally good splits.
    assert astuple(disentanglement(changed, LABELS)) == pytest.approx(
        astuple(disentanglement(MIXED, LABELS)), abs=0.02
    )


def test_dead_latent_takes_no_part():
    with_dead = np.hstack([ONE_HOT, np.full((2000, 1), 0.3)])
    assert astuple(disentanglement(with_dead, LABELS)) == pytest.approx(
        astuple(disentanglement(ONE_HOT, LABELS))
    )


def test_code_that_is_all_dead_scores_nothing():
    score = disentanglement(np.ones((2000, 10)), LABELS)
    assert astuple(score) == pytest.approx((0, 0, 0, 0, 0.5))


def test_scores_repeat_and_images_beyond_the_first_are_left_out(monkeypatch):
    monkeypatch.setattr(scores, "MAX_IMAGES", 1000)
    assert disentanglement(MIXED, LABELS) == disentanglement(MIXED[:1000], LABELS[:1000])
