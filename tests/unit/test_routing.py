import math

import pytest
import torch

from grvae.model.routing import (
    UNROUTED,
    build_routing,
    choose_routes,
    digit_scores,
    gate_bounds,
    gate_gradient,
    gradient_shares,
    latent_map,
    route_gradient,
)

EACH = [[digit] for digit in range(10)]
HALVES = [range(5), range(5, 10)]
LATENTS = torch.tensor([[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]], dtype=torch.float64)
SHARES = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.25]], dtype=torch.float64)


def stream():
    return torch.Generator().manual_seed(0)


def test_values_pass_unchanged():
    latents = torch.randn(1000, 10) * 1e3
    assert torch.equal(route_gradient(latents, torch.rand(1000, 10)), latents)


def test_gradient_is_multiplied_by_the_share():
    latents = LATENTS.clone().requires_grad_()
    weights = torch.tensor([[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]], dtype=torch.float64)
    (weights * route_gradient(latents, SHARES).square()).sum().backward()
    assert torch.equal(latents.grad, SHARES * weights * 2 * LATENTS)


def test_routed_gradient_equals_the_share_of_a_finite_difference():
    def loss(latents):
        return route_gradient(latents, SHARES).pow(3).sum()

    latents = LATENTS.clone().requires_grad_()
    loss(latents).backward()
    for image, latent in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        moved = LATENTS.clone()
        moved[image, latent] += 1e-6
        slope = (loss(moved) - loss(LATENTS)) / 1e-6
        assert latents.grad[image, latent] == pytest.approx(
            float(SHARES[image, latent] * slope), abs=1e-3
        )


@pytest.mark.parametrize(
    ("groups", "per_group", "free"),
    [(EACH, 1, 0), (EACH, 4, 0), (EACH, 1, 6), (HALVES, 16, 0), (HALVES, 3, 2)],
)
def test_zero_pattern_of_the_gradient_is_the_map_whatever_comes_after(groups, per_group, free):
    owned = latent_map(groups, per_group, free).double()
    labels = torch.arange(50) % 10
    latents = torch.randn(50, owned.shape[1], dtype=torch.float64, requires_grad=True)
    mixing = torch.randn(owned.shape[1], 10, dtype=torch.float64)
    shares = gradient_shares(owned, 0.0)[labels]
    (route_gradient(latents, shares) @ mixing).tanh().sum().backward()
    assert torch.equal(latents.grad != 0, owned[labels] == 1)


def test_each_digit_has_its_block_and_the_free_latents():
    owned = latent_map(EACH, 2, 3)
    assert owned.shape == (10, 23)
    assert owned[4].nonzero().flatten().tolist() == [8, 9, 20, 21, 22]


def test_halves_own_half_of_the_latents():
    owned = latent_map(HALVES, 16, 0)
    assert owned[:5, :16].all()
    assert owned[5:, 16:].all()
    assert owned.sum() == 160


def test_other_latents_get_the_share_off_the_route_and_images_not_routed_reach_all():
    shares = gradient_shares(latent_map(EACH, 1, 0), 0.25)
    assert torch.equal(
        shares[3], torch.tensor([1.0 if latent == 3 else 0.25 for latent in range(10)])
    )
    assert torch.equal(shares[UNROUTED], torch.ones(10))


def test_by_default_every_image_takes_the_route_of_its_label():
    labels = torch.arange(100) % 10
    assert torch.equal(choose_routes(labels, 1.0, 0.0, stream()), labels)


def test_asked_shares_of_the_images_are_not_routed_or_wrongly():
    labels = torch.arange(100_000) % 10
    routes = choose_routes(labels, 0.25, 0.4, stream())
    routed = routes != UNROUTED
    assert routed.float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert (routes != labels)[routed].float().mean().item() == pytest.approx(0.4, abs=0.01)
    wrong = routes[routed & (routes != labels) & (labels == 3)]
    assert wrong.bincount(minlength=10)[3] == 0
    assert wrong.bincount(minlength=10).float().std() < 0.5 * wrong.bincount().float().mean()


def test_score_of_a_digit_is_its_largest_latent_and_free_latents_do_not_count():
    means = torch.zeros(1, 23)
    means[0, 9], means[0, 22] = 2.0, 9.0
    assert digit_scores(means, 2).argmax(dim=1).tolist() == [4]


LOW = torch.tensor([[0.0, -3.0, 5.0], [-math.inf, 9.0, -math.inf]], dtype=torch.float64)
HIGH = torch.tensor([[0.5, 9.0, math.inf], [math.inf, 9.0, -7.0]], dtype=torch.float64)


def gated(gradient, share):
    """The gradient that reaches `LATENTS` through the gate."""
    latents = LATENTS.clone().requires_grad_()
    out = gate_gradient(latents, LOW, HIGH, share)
    assert torch.equal(out, LATENTS)
    out.backward(gradient)
    return latents.grad


@pytest.mark.parametrize("share", [0.0, -3.0, 1.0])
def test_gate_scales_what_would_push_a_low_latent_down_or_a_high_one_up(share):
    # Descent moves against the gradient: a positive one pushes down.
    down, up = torch.ones_like(LATENTS), -torch.ones_like(LATENTS)
    # Low are (0, 2) and (1, 1); high are (0, 0), and (1, 2), which is above -7.
    is_low = torch.tensor([[False, False, True], [False, True, False]])
    is_high = torch.tensor([[True, False, False], [False, False, True]])
    assert torch.equal(gated(down, share), torch.where(is_low, share * down, down))
    assert torch.equal(gated(up, share), torch.where(is_high, share * up, up))


def test_latent_on_a_bound_is_not_beyond_it():
    latents = torch.tensor([[2.0, 2.0]], requires_grad=True)
    bound = torch.full((1, 2), 2.0)
    gate_gradient(latents, bound, bound, 0.0).backward(torch.tensor([[1.0, -1.0]]))
    assert latents.grad.tolist() == [[1.0, -1.0]]


def test_gate_applied_twice_is_the_gate_where_it_ignores():
    latents = LATENTS.clone().requires_grad_()
    once = gate_gradient(latents, LOW, HIGH, 0.0)
    gradient = torch.tensor([[1.0, -1.0, 2.0], [3.0, 1.0, -2.0]], dtype=torch.float64)
    gate_gradient(once, LOW, HIGH, 0.0).backward(gradient)
    assert torch.equal(latents.grad, gated(gradient, 0.0))


def test_bounds_are_a_floor_for_a_digits_own_latents_and_a_ceiling_for_the_others():
    low, high = gate_bounds(latent_map(EACH, 2, 1), 1, 5.0, 2.0)
    assert low[3].tolist() == [5.0 if latent in (6, 7) else -math.inf for latent in range(21)]
    assert high[3, :20].tolist() == [math.inf if latent in (6, 7) else 2.0 for latent in range(20)]
    assert high[3, 20] == math.inf
    assert low[UNROUTED].tolist() == [-math.inf] * 21
    assert high[UNROUTED].tolist() == [math.inf] * 21


@pytest.mark.parametrize(("progress", "share"), [(0.3, 0.0), (0.4, 0.5), (0.5, 1.0), (0.9, 1.0)])
def test_others_are_released_between_the_two_shares_of_the_phase(recipe, progress, share):
    labels = torch.arange(10)
    released = recipe.model_copy(update={"release": [0.3, 0.5]})
    latents = torch.zeros(10, 10, requires_grad=True)
    routing = build_routing(released, labels, stream())
    routing.apply(latents, labels, progress).sum().backward()
    expected = torch.where(torch.eye(10) == 1, 1.0, share)
    torch.testing.assert_close(latents.grad, expected)


def test_no_routing_has_no_gate(recipe):
    asked = {"routing": "none", "floor": 5.0, "ceiling": 2.0}
    routing = build_routing(recipe.model_copy(update=asked), torch.arange(10), stream())
    latents = torch.full((10, 10), 3.0, requires_grad=True)
    routing.apply(latents, torch.arange(10), 0.0).sum().backward()
    assert torch.equal(latents.grad, torch.ones(10, 10))
