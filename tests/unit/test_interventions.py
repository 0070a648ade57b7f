import pytest
import torch

from grvae.measure.sliders import read_sliders
from studies.interventions import donors, intervene, slider_fidelity
from tests.handmade import brightest_of_ten, pixel_reader

# Each of the nine other digits takes part with each digit twice.
LABELS = torch.arange(180) % 10
OWN = [[digit] for digit in range(10)]
ALL_AT_ZERO = torch.zeros(10)


def one_hot(lit=1.0, dark=0.0):
    codes = torch.full((180, 10), dark)
    codes[torch.arange(180), LABELS] = lit
    return codes


def only_one_lit(pixels, dark_below=0.6):
    """A classifier that names the one lit pixel of ten where all others are dark, else nothing."""
    lit, dark = pixels[:, :10] > 0.6, pixels[:, :10] < dark_below
    is_digit = (lit.sum(dim=1) == 1) & (dark.sum(dim=1) == 9)
    return torch.cat([lit * 1.0, torch.where(is_digit, 0.0, 2.0)[:, None]], dim=1)


def changed(codes, rest=ALL_AT_ZERO, classifier=only_one_lit, model=None):
    return intervene(model or pixel_reader(), codes, LABELS, OWN, rest, classifier)


def test_code_of_one_lit_latent_follows_everything():
    assert changed(one_hot()) == dict(swapped=1, copied=1, ablated=1)


def test_image_whose_untouched_reconstruction_is_misread_does_not_count():
    # Of digits 5 to 9, latent 0 is lit as well: nothing is recognised there, whatever is changed.
    codes = one_hot()
    codes[LABELS >= 5, 0] = 1
    assert changed(codes)["swapped"] == 1


def test_swap_exchanges_both_values():
    # Where nothing is said a latent is below where it rests, and a digit shows only if all others
    # are that low: the label's own must get the other's value, and not come to rest.
    def others_low(pixels):
        return only_one_lit(pixels, dark_below=0.4)

    found = changed(one_hot(dark=-1.0), classifier=others_low)
    assert found == dict(swapped=1, copied=0, ablated=1)


def test_copy_takes_the_value_that_a_latent_has_on_an_image_of_its_digit():
    # Each digit has a brightness of its own, and is named at that one only.
    own_value = 1 + torch.arange(10) / 2
    codes = one_hot() * own_value

    def in_own_brightness(pixels):
        is_right = (pixels[:, :10].logit() - own_value).abs() < 0.1
        return torch.cat([is_right * 1.0, torch.full((len(pixels), 1), 0.5)], dim=1)

    found = changed(codes, classifier=in_own_brightness)
    assert found == dict(swapped=0, copied=1, ablated=1)


def test_ablated_latent_comes_to_rest_where_it_is_told_to():
    # At rest all latents are lit, so a digit stays lit when it is ablated.
    assert changed(one_hot(), rest=torch.ones(10))["ablated"] == 0


def test_every_other_digit_takes_part_equally_often():
    # Latents 3 and 4 alone are drawn, so of the nine other digits one can follow.
    model = pixel_reader()
    with torch.no_grad():
        model.decoder.weight[[0, 1, 2, 5, 6, 7, 8, 9]] = 0
    found = changed(one_hot(), model=model)
    assert found["swapped"] == pytest.approx(1 / 9)
    assert found["copied"] == pytest.approx(1 / 9)
    assert found["ablated"] == 1


def test_donors_show_the_wanted_digit_and_are_used_in_turn():
    labels, wanted = torch.tensor([0, 1, 1, 0, 0, 2]), torch.tensor([1, 0, 0, 1, 1, 0])
    assert donors(labels, wanted).tolist() == [1, 0, 3, 2, 1, 4]


def codes_of_200():
    """Codes of 200 images: the label's latent is a little above 1, all others are 0."""
    codes = torch.zeros(200, 10)
    codes[torch.arange(200), torch.arange(200) % 10] = 1 + torch.arange(200) / 1000
    return codes


def fidelity(codes, classifier=brightest_of_ten):
    sliders = read_sliders(codes, torch.arange(200) % 10, OWN, (5.0, 95.0))
    return slider_fidelity(pixel_reader(), sliders, OWN, classifier)


def test_slider_from_zero_begins_where_its_latents_are_zero():
    def brighter_than_a_half(pixels):
        return torch.cat([pixels[:, :10], torch.full((len(pixels), 1), 0.51)], dim=1)

    # The classifier sees a digit in every step but the first.
    found = fidelity(codes_of_200() - 0.5, brighter_than_a_half)
    assert (found["steps_recognised"], found["steps_from_zero"]) == (1, pytest.approx(8 / 9))


def test_slider_is_classified_over_all_of_its_range():
    # Digit 3's latent outshines the median of digit 7's at its own, and in five of nine steps.
    codes = 2 * codes_of_200()
    labels = torch.arange(200) % 10
    codes[labels != 7, 7] = 1.05
    codes[labels == 3, 3] = torch.linspace(0, 2.4, 20)
    found = fidelity(codes)
    assert found["steps_recognised"] == pytest.approx((9 + 5 / 9) / 10)
    assert found["pure_recognised"] == 10
