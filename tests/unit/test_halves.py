import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.model.images import ImageSet
from studies.claims.halves import (
    DigitErrors,
    blind_images,
    build_autoencoder,
    correlation_penalty,
    digit_errors,
    gradient_shares,
    group_errors,
    halves_loss,
    l1_penalty,
    mean_where,
    train_halves,
)
from studies.claims.halves_params import HalvesRecipe

RECIPE = {
    "top_digits": [0, 1, 2, 3, 4],
    "hidden_sizes": [32, 16],
    "latents": 8,
    "routing": "both_halves",
    "decoders": "shared",
    "trained_digits": "all",
    "top_l1_weight": 0.0,
    "bottom_l1_weight": 0.0,
    "correlation_weight": 0.0,
    "learning_rate": 0.01,
    "adam_beta2": 0.99,
    "weight_decay": 0.0,
    "batch_size": 64,
    "epochs": 1,
    "certificate_loss": "absolute_error",
    "certificate_learning_rate": 0.01,
    "certificate_epochs": 1,
}
IS_TOP = torch.arange(10) < 5


def recipe_with(**changes):
    return HalvesRecipe.model_validate(RECIPE | changes)


def model_after_backward(recipe, labels, seed=0):
    """The untrained model with the gradients of one batch, and the loss."""
    model = build_autoencoder(recipe, random_stream(seed, "init"))
    pixels = torch.rand(len(labels), 784, generator=torch.Generator().manual_seed(0))
    shares = gradient_shares(recipe)[labels]
    loss = halves_loss(model, 2 * pixels - 1, IS_TOP[labels], shares, recipe)
    loss.backward()
    return model, loss.item()


def reached(model):
    """Which latents' own weights (latent,) in the encoder have a gradient."""
    return model.encoder[-1].weight.grad.abs().sum(dim=1) != 0


TOP, BOTTOM = [True] * 4 + [False] * 4, [False] * 4 + [True] * 4
ALL = [True] * 8


@pytest.mark.parametrize(
    ("routing", "of_top_digits", "of_bottom_digits"),
    [("both_halves", TOP, BOTTOM), ("top_half", ALL, BOTTOM), ("none", ALL, ALL)],
)
def test_gradient_reaches_the_encoder_through_exactly_the_latents_of_the_map(
    routing, of_top_digits, of_bottom_digits
):
    recipe = recipe_with(routing=routing)
    for digits, expected in [([0, 4], of_top_digits), ([5, 9], of_bottom_digits)]:
        model, _ = model_after_backward(recipe, torch.tensor(digits * 3))
        assert reached(model).tolist() == expected


def test_top_digits_may_be_any():
    shares = gradient_shares(recipe_with(top_digits=[9, 1]))
    assert shares[[1, 9]].bool().tolist() == [TOP, TOP]
    assert shares[[0, 2, 3, 4, 5, 6, 7, 8]].bool().tolist() == [BOTTOM] * 8


@pytest.mark.parametrize("penalty", ["bottom_l1_weight", "correlation_weight"])
def test_penalties_are_not_routed(penalty):
    model, _ = model_after_backward(recipe_with(**{penalty: 1.0}), torch.tensor([0, 1, 2]))
    assert reached(model).tolist() == ALL


def test_digits_that_are_not_trained_give_no_gradient_but_that_of_the_penalties():
    digits = torch.tensor([0, 1, 2])
    model, loss = model_after_backward(recipe_with(trained_digits="bottom"), digits)
    assert loss == 0
    assert not any(parameter.grad.any() for parameter in model.parameters())
    penalised = recipe_with(trained_digits="bottom", top_l1_weight=1.0)
    assert reached(model_after_backward(penalised, digits)[0]).tolist() == TOP


def test_separate_decoders_learn_from_their_own_digits_only():
    model, _ = model_after_backward(recipe_with(decoders="separate"), torch.tensor([5, 9, 5]))
    assert not any(parameter.grad.any() for parameter in model.top_decoder.parameters())
    assert any(parameter.grad.any() for parameter in model.bottom_decoder.parameters())


def test_each_image_is_drawn_by_the_decoder_of_its_digit():
    model = build_autoencoder(recipe_with(decoders="separate"), random_stream(0, "init"))
    latents = torch.rand(2, 8)
    drawn = model.decode(latents, torch.tensor([True, False]))
    assert torch.equal(drawn[0], model.top_decoder(latents)[0])
    assert torch.equal(drawn[1], model.bottom_decoder(latents)[1])


def test_encoder_has_no_last_bias_and_the_decoder_has_one():
    model = build_autoencoder(recipe_with(), random_stream(0, "init"))
    assert model.encoder[-1].bias is None
    assert model.top_decoder[-1].bias is not None


def test_loss_adds_the_weighted_penalties_to_the_reconstruction():
    digits = torch.arange(10)
    _, alone = model_after_backward(recipe_with(), digits)
    weights = {"top_l1_weight": 0.5, "bottom_l1_weight": 2.0, "correlation_weight": 3.0}
    model, loss = model_after_backward(recipe_with(**weights), digits)
    pixels = torch.rand(10, 784, generator=torch.Generator().manual_seed(0))
    top, bottom = model.encoder(2 * pixels - 1).chunk(2, dim=1)
    penalties = 0.5 * l1_penalty(top) + 2 * l1_penalty(bottom)
    penalties = penalties + 3 * correlation_penalty(top, bottom)
    assert loss - alone == pytest.approx(penalties.item(), rel=1e-4)


def test_mean_of_the_chosen_counts_no_other():
    values = torch.tensor([1.0, 2.0, 6.0])
    assert mean_where(values, torch.tensor([True, True, False])) == 1.5
    assert mean_where(values, torch.tensor([False, False, False])) == 0


def test_l1_penalty_against_hand_computed_values():
    assert l1_penalty(torch.tensor([[1.0, -2.0], [3.0, 0.0]])) == (1 + 2 + 3) / 2


def test_correlation_penalty_against_hand_computed_values():
    top = torch.tensor([[1.0], [2.0], [3.0]])
    same, opposite, half = [2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [1.0, 3.0, 2.0]
    bottom = torch.tensor([same, opposite, half, [7.0, 7.0, 7.0]]).T
    assert correlation_penalty(top, bottom).item() == pytest.approx((1 + 1 + 0.5 + 0) / 4)


def test_correlation_penalty_is_the_mean_absolute_pearson_correlation():
    latents = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    between = np.corrcoef(latents.numpy().T)[:4, 4:]
    penalty = correlation_penalty(latents[:, :4], latents[:, 4:])
    assert penalty.item() == pytest.approx(np.abs(between).mean())


def test_penalties_gradients_equal_finite_differences():
    numbers = torch.Generator().manual_seed(0)
    top = torch.randn(7, 3, dtype=torch.float64, generator=numbers, requires_grad=True)
    bottom = torch.randn(7, 2, dtype=torch.float64, generator=numbers, requires_grad=True)
    assert gradcheck(l1_penalty, top)
    assert gradcheck(correlation_penalty, (top, bottom))


def test_latent_that_does_not_vary_leaves_the_gradient_finite():
    top = torch.ones(5, 2, requires_grad=True)
    correlation_penalty(top, torch.rand(5, 2)).backward()
    assert top.grad.isfinite().all()


def test_blind_images_are_the_mean_and_the_median_of_the_halves_train_images():
    pixels = torch.tensor([0.0, 0.2, 1.0, 0.5])[:, None].repeat(1, 784)
    train = ImageSet(pixels, torch.tensor([0, 1, 2, 7]))
    blind = blind_images(train, IS_TOP, torch.tensor([4, 9]))
    assert blind["mean_image"][:, 0].tolist() == pytest.approx([0.4, 0.5])
    assert blind["median_image"][:, 0].tolist() == pytest.approx([0.2, 0.5])


def test_errors_are_summed_over_pixels_and_averaged_over_each_digits_images():
    labels = torch.tensor([0, 0, *range(1, 10)])
    drawn = torch.zeros(11, 784)
    drawn[0, :2], drawn[1, 0], drawn[10, 5] = 0.5, 1.0, 0.25
    errors = digit_errors(ImageSet(torch.zeros(11, 784), labels), drawn)
    assert errors.absolute_error == [1.0] + [0.0] * 8 + [0.25]
    assert errors.squared_error == [0.75] + [0.0] * 8 + [0.0625]


def test_missing_digit_is_named():
    test = ImageSet(torch.zeros(9, 784), torch.tensor([0, 1, 2, 4, 5, 6, 7, 8, 9]))
    with pytest.raises(GrvaeError, match="none of the digit 3"):
        digit_errors(test, test.pixels)


def test_what_is_explained_is_the_share_of_the_blind_images_errors_that_goes_away():
    by_digit = {
        "top": DigitErrors([4.0, 8.0, 9.0], [1.0, 1.0, 7.0]),
        "median_image": DigitErrors([10.0, 14.0, 7.0], [9.0, 9.0, 9.0]),
        "mean_image": DigitErrors([15.0, 15.0, 9.0], [2.0, 6.0, 7.0]),
    }
    groups = group_errors(by_digit, torch.tensor([True, True, False]))
    assert groups["top"].absolute_error == 6
    assert groups["top"].absolute_error_explained == 1 - 6 / 12
    assert groups["top"].squared_error_explained == 1 - 1 / 4
    assert groups["median_image"].absolute_error_explained == 0
    assert groups["mean_image"].squared_error_explained == 0


def test_same_arguments_give_the_same_result_and_the_same_bits(images):
    assert train_halves(images, images, recipe_with(), 0) == train_halves(
        images, images, recipe_with(), 0
    )


@pytest.mark.parametrize(
    "change", [{"routing": "none"}, {"correlation_weight": 0.1}, {"certificate_epochs": 2}]
)
def test_every_setting_gives_other_weights(images, change):
    usual = train_halves(images, images, recipe_with(), 0)
    assert train_halves(images, images, recipe_with(**change), 0) != usual


def test_another_seed_gives_other_weights(images):
    first, second = (train_halves(images, images, recipe_with(), seed) for seed in (0, 1))
    assert first.weights_sha256 != second.weights_sha256


def test_variants_share_initial_weights():
    models = [
        build_autoencoder(recipe_with(routing=routing), random_stream(3, "init"))
        for routing in ("both_halves", "none")
    ]
    for routed, unrouted in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(routed, unrouted)


def test_certificates_leave_the_autoencoder_alone(images):
    shorter = train_halves(images, images, recipe_with(), 0)
    longer = train_halves(images, images, recipe_with(certificate_epochs=3), 0)
    assert longer.by_digit["decoder"] == shorter.by_digit["decoder"]
    assert longer.by_digit["top"] != shorter.by_digit["top"]


def test_certificate_learns_what_it_is_asked_for(images):
    longer = {"certificate_epochs": 20, "batch_size": 20}
    absolute = train_halves(images, images, recipe_with(**longer), 0)
    longer["certificate_loss"] = "squared_error"
    squared = train_halves(images, images, recipe_with(**longer), 0)
    assert squared.by_digit["decoder"] == absolute.by_digit["decoder"]
    assert squared.top_digits["top"].squared_error < absolute.top_digits["top"].squared_error
    assert squared.top_digits["top"].absolute_error > absolute.top_digits["top"].absolute_error


def test_separation_is_what_a_certificate_explains_of_its_own_digits_beyond_the_foreign(images):
    result = train_halves(images, images, recipe_with(), 0)
    own, foreign = result.top_digits["top"], result.bottom_digits["top"]
    explained = own.absolute_error_explained, foreign.absolute_error_explained
    assert result.top_separation == explained[0] - explained[1]
    own, foreign = result.bottom_digits["bottom"], result.top_digits["bottom"]
    explained = own.absolute_error_explained, foreign.absolute_error_explained
    assert result.bottom_separation == explained[0] - explained[1]


def test_loss_that_is_not_finite_stops_the_run(images):
    images.pixels[7, 0] = math.nan
    with pytest.raises(GrvaeError, match="the loss became nan in epoch 1"):
        train_halves(images, images, recipe_with(), 0)
