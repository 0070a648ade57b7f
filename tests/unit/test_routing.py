import torch

from grvae.routing import route_gradient

LATENTS = torch.tensor([[1.0, -2.0, 3.0], [0.0, 5.0, -6.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0])


def test_values_pass_unchanged():
    assert torch.equal(route_gradient(LATENTS, LABELS), LATENTS)


def test_gradient_is_untouched_on_the_label_and_zero_elsewhere():
    latents = LATENTS.clone().requires_grad_()
    weights = torch.tensor([[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]], dtype=torch.float64)
    (weights * route_gradient(latents, LABELS).square()).sum().backward()
    expected = torch.tensor([[0.0, 0.0, 2 * 5.0 * 3.0], [2 * 7.0 * 0.0, 0.0, 0.0]])
    assert torch.equal(latents.grad, expected.double())


def test_gradient_that_a_later_layer_mixes_still_reaches_the_label_only():
    latents = torch.randn(50, 10, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(10, (50,))
    mixing = torch.randn(10, 10, dtype=torch.float64)
    (route_gradient(latents, labels) @ mixing).tanh().sum().backward()
    reached = latents.grad != 0
    assert torch.equal(reached, torch.nn.functional.one_hot(labels, 10).bool())


def test_routed_gradient_equals_a_finite_difference_of_the_own_latent():
    def loss(latents):
        return route_gradient(latents, LABELS).pow(3).sum()

    latents = LATENTS.clone().requires_grad_()
    loss(latents).backward()
    step = 1e-6
    for image, label in enumerate(LABELS):
        moved = LATENTS.clone()
        moved[image, label] += step
        slope = (loss(moved) - loss(LATENTS)) / step
        assert abs(latents.grad[image, label] - slope) < 1e-3
