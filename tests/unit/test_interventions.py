import pytest
import torch

from grvae.measure.sliders import read_sliders
from studies.interventions import donors, intervene, slider_fidelity
from tests.handmade import brightest_of_ten, pixel_reader

# Each of the nine other digits takes part with each digit twice.
LABELS = torch.arange(180) % 10
OWN = [[digit] for digit in range(10)]
ALL_AT_ZERO = torch.zeros(10)


def following(swapped, copied, ablated):
    return {"swapped": swapped, "copied": copied, "ablated": ablated}


def one_hot(lit=1.0, dark=0.0):
    codes = torch.full((180, 10), dark)
    codes[torch.arange(180), LABELS] = lit
    return codes


def only_one_lit(pixels, dark_below=0.6):
    """A classifier that names the one lit pixel of ten where all others are dark, else nothing."""
    lit, dark = pixels[:, :10] > 0.6, pixels[:, :10] < dark_below
    is_digit = (lit.sum(dim=1) == 1) & (dark.sum(dim=1) == 9)
    return torch.cat([lit * 1.0, torch.where(is_digit, 0.0, 2.0)[:, None]], dim=1)


def changed(codes, rest=ALL_AT_ZERO, own=OWN, classifier=only_one_lit, model=None):
    model = model or pixel_reader(codes.shape[1])
    return intervene(model, codes, LABELS, own, rest, classifier)


def test_code_of_one_lit_latent_follows_everything():
    assert changed(one_hot()) == following(swapped=1, copied=1, ablated=1)


def test_decoder_that_ignores_its_latents_follows_nothing():
    model = pixel_reader()
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.decoder.bias[3] = 1
    assert changed(one_hot(), model=model) == following(swapped=0, copied=0, ablated=0)


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
    assert found == following(swapped=1, copied=0, ablated=1)


def test_copy_takes_the_value_that_a_latent_has_on_an_image_of_its_digit():
    # Each digit has a brightness of its own, and is named at that one only.
    own_value = 1 + torch.arange(10) / 2
    codes = one_hot() * own_value

    def in_own_brightness(pixels):
        is_right = (pixels[:, :10].logit() - own_value).abs() < 0.1
        return torch.cat([is_right * 1.0, torch.full((len(pixels), 1), 0.5)], dim=1)

    found = changed(codes, classifier=in_own_brightness)
    assert found == following(swapped=0, copied=1, ablated=1)


def test_ablated_latent_comes_to_rest_where_it_is_told_to():
    # At rest all latents are lit, so a digit stays lit when it is ablated.
    assert changed(one_hot(), rest=torch.ones(10))["ablated"] == 0


def test_all_latents_of_a_digit_move_together():
    codes = torch.cat([one_hot(), 2 * one_hot()], dim=1)

    def both_lit(pixels):
        lit = (pixels[:, :10] > 0.6) & (pixels[:, 10:20] > 0.6)
        one_is_lit = (pixels[:, :10] > 0.6) ^ (pixels[:, 10:20] > 0.6)
        return torch.cat([lit * 1.0, 2.0 * one_is_lit.any(dim=1, keepdim=True) + 0.5], dim=1)

    own = [[digit, 10 + digit] for digit in range(10)]
    assert changed(codes, torch.zeros(20), own, both_lit) == following(1, 1, 1)


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


def fidelity(codes, own=OWN):
    sliders = read_sliders(codes, torch.arange(200) % 10, own, (5.0, 95.0))
    found = slider_fidelity(pixel_reader(), sliders, own, brightest_of_ten)
    return pytest.approx((found["steps_recognised"], found["pure_recognised"]))


def test_slider_from_zero_begins_where_its_latents_are_zero():
    def brighter_than_a_half(pixels):
        return torch.cat([pixels[:, :10], torch.full((len(pixels), 1), 0.51)], dim=1)

    # The classifier sees a digit in every step but the first.
    codes = codes_of_200() - 0.5
    sliders = read_sliders(codes, torch.arange(200) % 10, OWN, (5.0, 95.0))
    found = slider_fidelity(pixel_reader(), sliders, OWN, brighter_than_a_half)
    assert (found["steps_recognised"], found["steps_from_zero"]) == (1, pytest.approx(8 / 9))


def test_swapped_sliders_decode_to_each_other():
    codes = codes_of_200()
    codes[:, [0, 1]] = 2 * codes[:, [1, 0]]
    assert fidelity(codes, [[1], [0], *OWN[2:]]) == (0.8, 8)


def test_slider_is_classified_over_all_of_its_range():
    # Digit 3's latent outshines the median of digit 7's at its own, and in five of nine steps.
    codes = 2 * codes_of_200()
    labels = torch.arange(200) % 10
    codes[labels != 7, 7] = 1.05
    codes[labels == 3, 3] = torch.linspace(0, 2.4, 20)
    assert fidelity(codes) == ((9 + 5 / 9) / 10, 10)
