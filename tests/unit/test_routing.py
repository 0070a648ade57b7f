import pytest
import torch

from grvae.model.routing import (
    UNROUTED,
    choose_routes,
    digit_scores,
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
