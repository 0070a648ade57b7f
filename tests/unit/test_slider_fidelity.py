import math

import pytest
import torch
from torch import nn

from grvae.measure.sliders import read_sliders
from grvae.model.vae import Architecture, build_vae
from studies.claims.slider_fidelity import entropy
from studies.claims.slider_fidelity import slider_fidelity as fidelity_of_sliders

LABELS = torch.arange(200) % 10
OWN = [[digit] for digit in range(10)]


def lamps(latents):
    """A model whose decoder shows each latent as one pixel."""
    architecture = Architecture("mlp", (1,), "relu", False, latents, "relu", "gaussian")
    model = build_vae(architecture, torch.Generator().manual_seed(0))
    model.decoder = nn.Linear(latents, 784)
    with torch.no_grad():
        model.decoder.weight.copy_(torch.eye(784, latents))
        model.decoder.bias.zero_()
    return model


def brightest_of_ten(pixels):
    """A reader that names the brightest of the first ten pixels."""
    return 100 * pixels[:, :10]


def one_hot_codes():
    """Codes of 200 images: the label's latent is a little above 1, all others are 0."""
    codes = torch.zeros(200, 10)
    codes[torch.arange(200), LABELS] = 1 + torch.arange(200) / 1000
    return codes


def slider_fidelity(model, codes, labels, own, reader):
    return fidelity_of_sliders(model, read_sliders(codes, labels, own, (5.0, 95.0)), reader)


def test_sliders_that_draw_their_digit_are_all_recognised():
    fidelity = slider_fidelity(lamps(10), one_hot_codes(), LABELS, OWN, brightest_of_ten)
    assert fidelity.recognised == [1.0] * 10
    assert fidelity.mean_recognised == fidelity.lowest_recognised == 1
    assert fidelity.pure_recognised == 10
    assert fidelity.pairs_recognised == 1
    assert fidelity.entropy < 0.01


def test_two_equal_digits_at_once_leave_the_reader_undecided():
    codes = one_hot_codes().sign()
    fidelity = slider_fidelity(lamps(10), codes, LABELS, OWN, brightest_of_ten)
    assert fidelity.pairs_entropy == pytest.approx(math.log(2), abs=1e-3)


def test_swapped_sliders_draw_each_other():
    codes = one_hot_codes()
    codes[:, [0, 1]] = 2 * codes[:, [1, 0]]
    fidelity = slider_fidelity(lamps(10), codes, LABELS, [[1], [0], *OWN[2:]], brightest_of_ten)
    assert fidelity.recognised == [0.0, 0.0] + [1.0] * 8
    assert (fidelity.mean_recognised, fidelity.lowest_recognised) == (0.8, 0)
    assert fidelity.pure_recognised == 8
    # 0 with 1 still shows one of the two; 0 or 1 with one of the other eight shows neither.
    assert fidelity.pairs_recognised == pytest.approx(1 - 16 / 45)


def test_slider_is_read_over_all_of_its_range():
    # Digit 3's latent outshines digit 7's at rest in the upper four of nine steps.
    codes = one_hot_codes()
    codes[:, 7] = 1.05
    codes[LABELS == 3, 3] = torch.linspace(0, 2, 20)
    fidelity = slider_fidelity(lamps(10), codes, LABELS, OWN, brightest_of_ten)
    assert fidelity.recognised[3] == pytest.approx(4 / 9)


def test_latents_of_one_digit_move_together_and_free_latents_rest():
    # Latents 10 to 19 carry the digit too, latent 20 belongs to nobody and is bright on half of
    # the images.
    free = (torch.arange(200) >= 100)[:, None] * 5.0
    codes = torch.cat([0.4 * one_hot_codes(), one_hot_codes(), free], dim=1)

    def both_bright(pixels):
        return 100 * (pixels[:, :10] * pixels[:, 10:20]) * (pixels[:, 20:21] < 0.95)

    own = [[digit, 10 + digit] for digit in range(10)]
    fidelity = slider_fidelity(lamps(21), codes, LABELS, own, both_bright)
    assert fidelity.recognised == [1.0] * 10


def test_entropy_is_in_nats_and_takes_zero_probabilities():
    probabilities = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    assert entropy(probabilities).tolist() == pytest.approx([0, math.log(2)])
