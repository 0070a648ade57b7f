import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grvae.model.routing import (
    build_routing,
    choose_routes,
    gate_bounds,
    gate_gradient,
    gradient_shares,
    latent_map,
    leads,
    mask_parameters,
    relabel,
    route_gradient,
)
from grvae.model.vae import build_model

REPEATABLE = settings(deadline=None, database=None, derandomize=True, max_examples=30)
UNROUTED = 10  # the row of images that are not routed

LATENTS = torch.tensor([[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]], dtype=torch.float64)
SHARES = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.25]], dtype=torch.float64)


def stream():
    return torch.Generator().manual_seed(0)


def routing_of(recipe, labels, **changes):
    return build_routing(recipe.model_copy(update=changes), torch.tensor(labels), 10, stream())


def test_values_pass_unchanged():
    latents = torch.randn(1000, 10) * 1e3
    assert torch.equal(route_gradient(latents, torch.rand(1000, 10)), latents)


def test_gradient_is_multiplied_by_the_share():
    latents = LATENTS.clone().requires_grad_()
    weights = torch.tensor([[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]], dtype=torch.float64)
    (weights * route_gradient(latents, SHARES).square()).sum().backward()
    assert torch.equal(latents.grad, SHARES * weights * 2 * LATENTS)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float64, torch.float16])
def test_shares_may_be_of_any_type(dtype):
    shares = torch.tensor([[0, 0, 1], [1, 0, 1]])
    latents, features = LATENTS.float().requires_grad_(), torch.ones(2, 4)
    routed = route_gradient(latents, shares.to(dtype))
    assert routed.dtype == torch.float32
    routed.sum().backward()
    assert torch.equal(latents.grad, shares.float())
    layer = torch.nn.Linear(4, 3)
    mask_parameters(layer, features, shares.to(dtype)).sum().backward()
    assert torch.equal(layer.bias.grad, shares.sum(dim=0).float())


def test_each_digit_has_its_block_of_latents():
    latent_mask = latent_map(10, 2)
    assert latent_mask.shape == (10, 20)
    assert latent_mask[4].nonzero().flatten().tolist() == [8, 9]


def test_other_latents_get_the_share_off_the_route_and_images_not_routed_reach_all():
    shares = gradient_shares(latent_map(10, 1), 0.25)
    assert torch.equal(
        shares[3], torch.tensor([1.0 if latent == 3 else 0.25 for latent in range(10)])
    )
    assert torch.equal(shares[UNROUTED:], torch.ones(1, 10))


def test_draws_that_are_spread_evenly_give_the_asked_shares_exactly(monkeypatch):
    even = torch.arange(64) / 64  # as `torch.rand` draws: with 0, and without 1
    monkeypatch.setattr(torch, "rand", lambda *size, generator: even.expand(size))
    labels = torch.arange(64) % 10
    assert torch.equal(choose_routes(labels, 10, 1.0, 0.0, stream()), labels)
    assert (choose_routes(labels, 10, 1.0, 0.25, stream()) != labels).sum() == 16
    assert (choose_routes(labels, 10, 0.25, 0.0, stream()) != UNROUTED).sum() == 16


LOW = torch.tensor([[0.0, -3.0, 5.0], [-math.inf, 9.0, -math.inf]], dtype=torch.float64)
HIGH = torch.tensor([[0.5, 9.0, math.inf], [math.inf, 9.0, -7.0]], dtype=torch.float64)


def gated(gradient, *scales):
    """The gradient that reaches `LATENTS` through the gate."""
    latents = LATENTS.clone().requires_grad_()
    out = gate_gradient(latents, LATENTS < LOW, LATENTS > HIGH, *scales)
    assert torch.equal(out, LATENTS)
    out.backward(gradient)
    return latents.grad


@pytest.mark.parametrize(
    ("blocked", "amplified"), [(0.0, 1.0), (-3.0, 1.0), (1.0, 1.0), (0.0, 20.0), (-3.0, 20.0)]
)
def test_gate_scales_what_would_push_a_low_latent_or_a_high_one(blocked, amplified):
    # PhaseOptimizer moves against the gradient: a positive one pushes down.
    down, up = torch.ones_like(LATENTS), -torch.ones_like(LATENTS)
    # Low are (0, 2) and (1, 1); high are (0, 0), and (1, 2), which is above -7.
    when_down = [[amplified, 1.0, blocked], [1.0, blocked, amplified]]
    when_up = [[blocked, 1.0, amplified], [1.0, amplified, blocked]]
    assert gated(down, blocked, amplified).tolist() == when_down
    assert (-gated(up, blocked, amplified)).tolist() == when_up


def weighted(latents, low, high, weights):
    return (weights * gate_gradient(latents, latents < low, latents > high, -3.0)).sum()


WEIGHTS = torch.tensor([[2.0, -3.0, 5.0], [-7.0, 11.0, -13.0]], dtype=torch.float64)


@pytest.mark.parametrize("rows", [lambda grad: grad, torch.func.vmap], ids=["whole", "by row"])
def test_gate_holds_under_transforms_of_functions(rows):
    slope = rows(torch.func.grad(weighted))(LATENTS, LOW, HIGH, WEIGHTS)
    assert not torch.equal(slope, WEIGHTS)
    assert torch.equal(slope, gated(WEIGHTS, -3.0))


def test_gate_holds_where_it_is_compiled():
    latents = LATENTS.clone().requires_grad_()
    compiled = torch.compile(weighted, backend="eager", fullgraph=True)
    compiled(latents, LOW, HIGH, WEIGHTS).backward()
    assert torch.equal(latents.grad, gated(WEIGHTS, -3.0))


@pytest.mark.parametrize("rows", [lambda grad: grad, torch.func.vmap], ids=["whole", "by row"])
def test_compiled_transform_is_refused_before_it_drops_the_gate(rows):
    compiled = torch.compile(rows(torch.func.grad(weighted)), backend="eager")
    # The gate's own error, or the compiler's about it, as its version has it.
    with pytest.raises((NotImplementedError, torch._dynamo.exc.TorchDynamoException)):
        compiled(LATENTS, LOW, HIGH, WEIGHTS)


six = st.lists(st.floats(-100, 100), min_size=6, max_size=6).map(
    lambda values: torch.tensor(values, dtype=torch.float64).view(2, 3)
)


@given(six, six, st.floats(0.01, 100))
@REPEATABLE
def test_gate_does_not_depend_on_the_size_of_the_loss(values, gradient, factor):
    passed = []
    for scale in (1.0, factor):
        latents = values.clone().requires_grad_()
        gate_gradient(latents, values < LOW, values > HIGH, -3.0).backward(scale * gradient)
        passed.append(latents.grad)
    torch.testing.assert_close(passed[1], factor * passed[0])


@given(st.permutations(range(10)), st.sampled_from([0.0, 0.35, 0.4, 1.0]))
@REPEATABLE
def test_digits_and_latents_renamed_together_learn_the_same(params, names, progress):
    labels, names = torch.arange(50) % 10, torch.tensor(names)
    generator = torch.Generator().manual_seed(0)
    values, gradient = 6 * torch.rand(2, 50, 10, generator=generator) - 1
    gradient -= 3
    passed = []
    for own, latent in ((labels, torch.arange(10)), (names[labels], names)):
        # Latent k of the first model is latent names[k] of the second.
        latents = torch.empty_like(values).index_copy(1, latent, values).requires_grad_()
        routing = build_routing(params.variant("gated").recipe, own, 10, stream())
        sent = torch.empty_like(values).index_copy(1, latent, gradient)
        routing.apply(latents, torch.arange(50), progress).backward(sent)
        passed.append(latents.grad[:, latent])
    assert torch.equal(*passed)


def test_bounds_are_a_floor_for_a_digits_own_latents_and_a_ceiling_for_the_others():
    low, high = gate_bounds(latent_map(10, 2), 5.0, 2.0)
    assert low[3].tolist() == [5.0 if latent in (6, 7) else -math.inf for latent in range(20)]
    assert high[3].tolist() == [math.inf if latent in (6, 7) else 2.0 for latent in range(20)]
    assert low[UNROUTED].tolist() == [-math.inf] * 20
    assert high[UNROUTED].tolist() == [math.inf] * 20


@pytest.mark.parametrize(
    ("schedule", "progress", "share"),
    [
        ([0.3, 0.5], 0.3, 0.0),
        ([0.3, 0.5], 0.4, 0.5),
        ([0.3, 0.5], 0.5, 1.0),
        ([0.3, 0.5], 0.9, 1.0),
        (None, 0.0, 0.0),
        (None, 1.0, 0.0),
    ],
)
def test_others_are_released_between_the_two_shares_of_the_phase(recipe, schedule, progress, share):
    routing = routing_of(recipe, range(10), unmask_schedule=schedule)
    latents = torch.zeros(10, 10, requires_grad=True)
    routing.apply(latents, torch.arange(10), progress).sum().backward()
    expected = torch.where(torch.eye(10) == 1, 1.0, share)
    torch.testing.assert_close(latents.grad, expected)


@pytest.mark.parametrize(
    "asked",
    [
        {"routing": "none"},
        {"routed_images": 1e-9},
        {"routed_images": 1e-9, "doubt_margin": 2.0, "floor": None},
        {"routing": "parameters", "floor": None, "ceiling": None},
    ],
)
def test_gradient_of_the_latents_passes_whole_where_they_are_not_routed(recipe, asked):
    routing = routing_of(recipe, range(10), **{"floor": 5.0, "ceiling": 2.0} | asked)
    latents = torch.full((10, 10), 3.0, requires_grad=True)
    routing.apply(latents, torch.arange(10), 0.0).sum().backward()
    assert torch.equal(latents.grad, torch.ones(10, 10))


def test_what_reaches_a_latent_is_its_share_of_what_its_gate_lets_pass(recipe):
    # Images of digit 0, half unmasked; latent 0 is the label latent, latents 1 and 2 are others.
    asked = {"floor": 5.0, "ceiling": 2.0, "off_route_gradient": 0.2}
    asked |= {"blocked_gradient_scale": -3.0, "unmask_schedule": [0.2, 0.6]}
    routing = routing_of(recipe, [0] * 4, **asked)
    values = torch.zeros(4, 10)
    values[:, 0] = torch.tensor([4.0, 4.0, 5.0, 5.0])  # below the floor, and on it
    values[:, 1], values[:, 2] = 3.0, 2.0  # above the ceiling, and on it
    push = torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None].expand(4, 10)  # down, up, down, up
    latents = values.clone().requires_grad_()
    out = routing.apply(latents, torch.arange(4), 0.4)
    assert torch.equal(out, values)
    out.backward(push)
    share = 0.2 + 0.8 / 2
    assert latents.grad[:, 0].tolist() == pytest.approx([-3, -1, 1, -1])
    assert latents.grad[:, 1].tolist() == pytest.approx([share, 3 * share, share, 3 * share])
    assert latents.grad[:, 2].tolist() == pytest.approx([share, -share, share, -share])


def test_image_takes_the_row_of_its_route_wherever_it_stands_in_the_batch(recipe):
    routing = routing_of(recipe, [7, 3, 5])
    latents = torch.zeros(2, 10, requires_grad=True)
    routing.apply(latents, torch.tensor([2, 0]), 0.0).sum().backward()
    assert latents.grad.argmax(dim=1).tolist() == [5, 7]
    assert latents.grad.sum() == 2


def heads_after(routing, model, images, batch):
    """Gradients of both heads' weights (head, latent, feature) and of the layers before."""
    model.zero_grad()
    mean, scale = routing.encode(model, images, batch, 0.0)
    (mean.square().sum() + scale.sum()).backward()
    heads = torch.stack([model.mean_head.weight.grad, model.scale_head.weight.grad])
    return heads, [parameter.grad for parameter in model.encoder.parameters()]


def test_masked_parameters_learn_from_their_digits_images_alone(recipe):
    masked = routing_of(recipe, [3, 7, 3], routing="parameters")
    open_to_all = routing_of(recipe, [3, 7, 3], routing="none")
    model, images = build_model(recipe, "relu", 0), torch.rand(3, 784, generator=stream())
    encoded = masked.encode(model, images, torch.arange(3), 0.0)
    torch.testing.assert_close(encoded, model.encode(images), rtol=0, atol=0)
    heads, before = heads_after(masked, model, images, torch.arange(3))
    learns = heads.abs().sum(dim=(0, 2)).nonzero().flatten()
    assert learns.tolist() == [3, 7]
    # What latent 3 learns is what the images of digit 3 teach it, and nothing of the other.
    of_threes, _ = heads_after(open_to_all, model, images[[0, 2]], torch.tensor([0, 2]))
    torch.testing.assert_close(heads[:, 3], of_threes[:, 3])
    # The layers before learn from all latents.
    _, of_all = heads_after(open_to_all, model, images, torch.arange(3))
    torch.testing.assert_close(before, of_all)


def test_routing_of_a_recipe_has_its_tables(recipe):
    asked = {"latents_per_class": 2, "floor": 5.0, "ceiling": 2.0}
    asked |= {"off_route_gradient": 0.25, "wrong_labels": 1.0, "routed_images": 0.5}
    routing = routing_of(recipe, range(10), **asked)
    own = latent_map(10, 2)
    assert torch.equal(routing.latent_mask, own)
    assert torch.equal(routing.shares, gradient_shares(own, 0.25))
    low, high = gate_bounds(own, 5.0, 2.0)
    assert torch.equal(routing.low, low)
    assert torch.equal(routing.high, high)
    assert torch.equal(routing.routes, choose_routes(torch.arange(10), 10, 0.5, 1.0, stream()))


def test_routes_of_a_seed_are_what_they_were():
    # A change of how they are drawn would change every run with fewer routes or wrong ones.
    routes = choose_routes(torch.arange(20) % 10, 10, 0.7, 0.5, stream())
    first, second = [3, 10, 0, 10, 6, 5, 10, 7, 4, 9], [5, 10, 8, 8, 3, 5, 6, 10, 10, 10]
    assert routes.tolist() == first + second


def test_wrong_label_is_any_of_the_nine_others_alike():
    routes = choose_routes(torch.full((90_000,), 3), 10, 1.0, 1.0, stream())
    counts = routes.bincount(minlength=10)
    assert counts[3] == 0
    others = [counts[digit].item() for digit in range(10) if digit != 3]
    # 10,000 each, give or take six standard deviations
    assert min(others) > 10_000 - 570
    assert max(others) < 10_000 + 570


def test_amplifying_mask_is_an_attenuating_one_of_a_loss_with_a_larger_weight():
    # Weights 0, 1 and 20 of a loss are weights 0, 1/20 and 1 of twenty times that loss.
    low, high = LATENTS < LOW, LATENTS > HIGH
    amplified, attenuated = (LATENTS.clone().requires_grad_() for _ in range(2))
    gate_gradient(amplified, low, high, 0.0, 20.0).backward(WEIGHTS)
    gated = gate_gradient(attenuated, low, high, 0.0, 1.0)
    acts = low | high
    route_gradient(gated, torch.where(acts, 1.0, 1 / 20)).backward(20 * WEIGHTS)
    torch.testing.assert_close(amplified.grad, attenuated.grad)


def test_lead_is_of_the_largest_label_latent_over_the_largest_other():
    latents = torch.tensor([[1.0, 4.0, 3.0, 0.0], [1.0, 4.0, 3.0, 9.0]])
    is_label = torch.tensor([[True, True, False, False]]).expand(2, 4)
    assert leads(latents, is_label).tolist() == [[1.0], [-5.0]]


@pytest.mark.parametrize("digit", [0, 9])
def test_gate_in_doubt_acts_while_the_label_latent_leads_by_less_than_the_margin(recipe, digit):
    asked = {"doubt_margin": 2.0, "ceiling": 1.0, "blocked_gradient_scale": -10.0}
    asked |= {"amplified_gradient_scale": 5.0, "unmask_schedule": [0.0, 0.1]}
    routing = routing_of(recipe, [digit] * 3, **asked)
    values = torch.zeros(3, 10)
    values[:, digit] = 9.0
    values[:, 1] = torch.tensor([7.0, 7.5, 7.0])  # on the margin, in doubt, on the margin
    down, up = torch.ones(3, 10), -torch.ones(3, 10)
    for gradient, label, other in ((down, -10.0, 5.0), (up, -5.0, 10.0)):
        expected = gradient.clone()
        expected[1, digit], expected[1, 1] = label, other
        latents = values.clone().requires_grad_()
        routing.apply(latents, torch.arange(3), 0.5).backward(gradient)
        assert torch.equal(latents.grad, expected)


@pytest.mark.parametrize(
    ("route", "values", "expected"),
    [
        (0, [1.0, 2.5, 0.0], 1),  # the label is contradicted by more than the margin
        (0, [1.0, 2.0, 0.0], 0),  # by just the margin
        (0, [3.0, 1.0, 0.0], 0),
        (3, [0.0, 1.0, 2.5], 2),  # without a route: the largest leads the second by more
        (3, [0.0, 1.0, 2.0], 3),
    ],
)
def test_image_is_relabelled_where_the_latents_are_surer_by_the_margin(route, values, expected):
    latents, routes = torch.tensor([values]), torch.tensor([route])
    assert relabel(routes, latents, latent_map(3, 1), 1.0).tolist() == [expected]


def test_relabelled_image_learns_through_its_new_latent_from_the_asked_share_on(recipe):
    routing = routing_of(recipe, [3], relabel_margin=1.0, relabel_from=0.5)
    for progress, latent in ((0.49, 3), (0.5, 7)):
        latents = torch.zeros(1, 10)
        latents[0, 7] = 5.0
        latents.requires_grad_()
        routing.apply(latents, torch.tensor([0]), progress).sum().backward()
        assert latents.grad.nonzero().tolist() == [[0, latent]]
