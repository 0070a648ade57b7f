import pytest
import torch

from studies.claims.interventions import Interventions, donors, intervene
from tests.handmade import pixel_reader

# Each of the nine other digits takes part with each digit twice.
LABELS = torch.arange(180) % 10
OWN = [[digit] for digit in range(10)]
ALL_AT_ZERO = torch.zeros(10)


def one_hot(lit=1.0, dark=0.0):
    codes = torch.full((180, 10), dark)
    codes[torch.arange(180), LABELS] = lit
    return codes


def only_one_lit(pixels, dark_below=0.6):
    """A reader that names the one lit pixel of ten where all others are dark, else nothing."""
    lit, dark = pixels[:, :10] > 0.6, pixels[:, :10] < dark_below
    is_digit = (lit.sum(dim=1) == 1) & (dark.sum(dim=1) == 9)
    return torch.cat([lit * 1.0, torch.where(is_digit, 0.0, 2.0)[:, None]], dim=1)


def meddle(codes, rest=ALL_AT_ZERO, own=OWN, reader=only_one_lit, model=None):
    model = model or pixel_reader(codes.shape[1])
    return intervene(model, codes, LABELS, own, rest, reader)


def test_code_of_one_lit_latent_follows_everything():
    assert meddle(one_hot()) == Interventions(swapped=1, copied=1, ablated=1)


def test_decoder_that_ignores_its_latents_follows_nothing():
    model = pixel_reader()
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.decoder.bias[3] = 1
    assert meddle(one_hot(), model=model) == Interventions(swapped=0, copied=0, ablated=0)


def test_image_whose_untouched_reconstruction_is_misread_does_not_count():
    # Of digits 5 to 9, latent 0 is lit as well: nothing is read there, whatever is changed.
    codes = one_hot()
    codes[LABELS >= 5, 0] = 1
    assert meddle(codes).swapped == 1


def test_swap_exchanges_both_values():
    # Where nothing is said a latent is below where it rests, and a digit shows only if all others
    # are that low: the label's own must get the other's value, and not come to rest.
    def others_low(pixels):
        return only_one_lit(pixels, dark_below=0.4)

    found = meddle(one_hot(dark=-1.0), reader=others_low)
    assert found == Interventions(swapped=1, copied=0, ablated=1)


def test_copy_takes_the_value_that_a_latent_has_on_an_image_of_its_digit():
    # Each digit has a brightness of its own, and is named at that one only.
    own_value = 1 + torch.arange(10) / 2
    codes = one_hot() * own_value

    def in_own_brightness(pixels):
        is_right = (pixels[:, :10].logit() - own_value).abs() < 0.1
        return torch.cat([is_right * 1.0, torch.full((len(pixels), 1), 0.5)], dim=1)

    found = meddle(codes, reader=in_own_brightness)
    assert found == Interventions(swapped=0, copied=1, ablated=1)


def test_ablated_latent_comes_to_rest_where_it_is_told_to():
    # At rest all latents are lit, so a digit stays lit when it is ablated.
    assert meddle(one_hot(), rest=torch.ones(10)).ablated == 0


def test_all_latents_of_a_digit_move_together():
    codes = torch.cat([one_hot(), 2 * one_hot()], dim=1)

    def both_lit(pixels):
        lit = (pixels[:, :10] > 0.6) & (pixels[:, 10:20] > 0.6)
        one_is_lit = (pixels[:, :10] > 0.6) ^ (pixels[:, 10:20] > 0.6)
        return torch.cat([lit * 1.0, 2.0 * one_is_lit.any(dim=1, keepdim=True) + 0.5], dim=1)

    own = [[digit, 10 + digit] for digit in range(10)]
    assert meddle(codes, torch.zeros(20), own, both_lit) == Interventions(1, 1, 1)


def test_every_other_digit_takes_part_equally_often():
    # Latents 3 and 4 alone are drawn, so of the nine other digits one can follow.
    model = pixel_reader()
    with torch.no_grad():
        model.decoder.weight[[0, 1, 2, 5, 6, 7, 8, 9]] = 0
    found = meddle(one_hot(), model=model)
    assert found.swapped == pytest.approx(1 / 9)
    assert found.copied == pytest.approx(1 / 9)
    assert found.ablated == 1


def test_donors_show_the_wanted_digit_and_are_used_in_turn():
    labels, wanted = torch.tensor([0, 1, 1, 0, 0, 2]), torch.tensor([1, 0, 0, 1, 1, 0])
    assert donors(labels, wanted).tolist() == [1, 0, 3, 2, 1, 4]
