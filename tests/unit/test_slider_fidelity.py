import pytest
import torch

from grvae.measure.sliders import read_sliders
from studies.claims.slider_fidelity import SliderFidelity
from studies.claims.slider_fidelity import slider_fidelity as fidelity_of_sliders
from tests.handmade import brightest_of_ten, pixel_reader

LABELS = torch.arange(200) % 10
OWN = [[digit] for digit in range(10)]


def one_hot_codes():
    """Codes of 200 images: the label's latent is a little above 1, all others are 0."""
    codes = torch.zeros(200, 10)
    codes[torch.arange(200), LABELS] = 1 + torch.arange(200) / 1000
    return codes


def slider_fidelity(codes, own=OWN, reader=brightest_of_ten):
    sliders = read_sliders(codes, LABELS, own, (5.0, 95.0))
    return fidelity_of_sliders(pixel_reader(codes.shape[1]), sliders, reader)


def test_sliders_that_draw_their_digit_are_all_recognised():
    assert slider_fidelity(one_hot_codes()) == SliderFidelity(1, 10)


def test_swapped_sliders_draw_each_other():
    codes = one_hot_codes()
    codes[:, [0, 1]] = 2 * codes[:, [1, 0]]
    fidelity = slider_fidelity(codes, [[1], [0], *OWN[2:]])
    assert fidelity.steps_recognised == pytest.approx(0.8)
    assert fidelity.pure_recognised == 8


def test_slider_is_read_over_all_of_its_range():
    # Digit 3's latent outshines digit 7's at rest in the upper four of nine steps.
    codes = 2 * one_hot_codes()
    codes[LABELS != 7, 7] = 1.05
    codes[LABELS == 3, 3] = torch.linspace(0, 2, 20)
    fidelity = slider_fidelity(codes)
    assert fidelity.steps_recognised == pytest.approx((9 + 4 / 9) / 10)
    assert fidelity.pure_recognised == 9


def test_typical_value_is_read_and_not_only_the_ends():
    # On most images of digit 3 its latent is dark, and bright on a quarter.
    codes = one_hot_codes()
    codes[LABELS != 7, 7] = 0.55
    codes[LABELS == 3, 3] = torch.tensor([0.0] * 15 + [1.0] * 5)
    fidelity = slider_fidelity(codes)
    assert fidelity.pure_recognised == 9
    assert fidelity.steps_recognised == pytest.approx((9 + 4 / 9) / 10)


def test_latents_of_one_digit_move_together_and_those_of_nobody_rest():
    # Latents 10 to 19 carry the digit too, latent 20 belongs to nobody and is bright on half of
    # the images.
    free = (torch.arange(200) >= 100)[:, None] * 5.0
    codes = torch.cat([0.4 * one_hot_codes(), one_hot_codes(), free], dim=1)

    def both_bright(pixels):
        return 100 * (pixels[:, :10] * pixels[:, 10:20]) * (pixels[:, 20:21] < 0.95)

    own = [[digit, 10 + digit] for digit in range(10)]
    assert slider_fidelity(codes, own, both_bright) == SliderFidelity(1, 10)
