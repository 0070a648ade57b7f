"""The variant `published` against the formulas of the published model, written out in numpy.

Loss: 0.3 times the squared error summed over pixels, plus the mean over latents of
mean^2 + exp(scale) - scale; both averaged over the batch. The latents are
ReLU(mean + scale * noise), and of each image's reconstruction error only the latent of its label
learns. Adam's rate is 0.001 and shrinks by a twentieth after every epoch.

Source: g-w1/gradient-routed-vae, `vae.py`, commit 07c641d; Kingma & Ba 2015, "Adam", algorithm 1.
"""

import numpy as np
import pytest
import torch

from grvae.base.seeding import random_stream
from grvae.model.images import ImageSet
from grvae.model.run import Run
from grvae.model.training import joint_epoch

IMAGES = 20
# Layers of the model, in order of its parameters: each has a weight (output, input) and a bias.
LAYERS = ("hidden_1", "hidden_2", "bottleneck", "mean", "scale", "drawn_1", "drawn_2", "pixels")


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def published(params):
    """The published recipe, narrower, with an epoch of one batch."""
    narrow = {"hidden_sizes": [12, 8], "batch_size": IMAGES, "epoch_steps": 1, "epochs": 3}
    return params.variant("published").recipe.model_copy(update=narrow)


@pytest.fixture
def images():
    pixels = torch.rand(IMAGES, 784, generator=torch.Generator().manual_seed(1))
    return ImageSet(pixels, torch.arange(IMAGES) % 10)


def by_layer(model):
    """The model's parameters as numpy arrays, by layer: weight and bias."""
    arrays = [parameter.detach().numpy().copy() for parameter in model.parameters()]
    return dict(zip(LAYERS, zip(arrays[::2], arrays[1::2], strict=True), strict=True))


def loss_and_gradients(layers, pixels, labels, noise):
    """Forward and backward by hand: loss, its two terms, and the gradient of each layer."""

    def linear(name, inputs):
        weight, bias = layers[name]
        return inputs @ weight.T + bias

    hidden_1 = linear("hidden_1", pixels)
    hidden_2 = linear("hidden_2", np.maximum(hidden_1, 0))
    bottleneck = linear("bottleneck", np.maximum(hidden_2, 0))
    mean, scale = linear("mean", bottleneck), linear("scale", bottleneck)
    sampled = mean + scale * noise
    latents = np.maximum(sampled, 0)
    drawn_1 = linear("drawn_1", latents)
    drawn_2 = linear("drawn_2", np.maximum(drawn_1, 0))
    shown = 1 / (1 + np.exp(-linear("pixels", np.maximum(drawn_2, 0))))
    error = ((pixels - shown) ** 2).sum(axis=1).mean()
    regulariser = (mean**2 + np.exp(scale) - scale).mean(axis=1).mean()

    gradients = {}

    def back(name, outputs, inputs):
        """Keep the gradient of a layer; give that of its inputs."""
        gradients[name] = outputs.T @ inputs, outputs.sum(axis=0)
        return outputs @ layers[name][0]

    at_logits = 0.3 * 2 * (shown - pixels) * shown * (1 - shown) / IMAGES
    at_drawn_2 = back("pixels", at_logits, np.maximum(drawn_2, 0)) * (drawn_2 > 0)
    at_drawn_1 = back("drawn_2", at_drawn_2, np.maximum(drawn_1, 0)) * (drawn_1 > 0)
    own = np.eye(10)[labels]
    at_sampled = back("drawn_1", at_drawn_1, latents) * own * (sampled > 0)
    at_mean = at_sampled + 2 * mean / 10 / IMAGES
    at_scale = at_sampled * noise + (np.exp(scale) - 1) / 10 / IMAGES
    at_bottleneck = back("mean", at_mean, bottleneck) + back("scale", at_scale, bottleneck)
    at_hidden_2 = back("bottleneck", at_bottleneck, np.maximum(hidden_2, 0)) * (hidden_2 > 0)
    at_hidden_1 = back("hidden_2", at_hidden_2, np.maximum(hidden_1, 0)) * (hidden_1 > 0)
    back("hidden_1", at_hidden_1, pixels)
    return 0.3 * error + regulariser, error, regulariser, gradients


def adam(layers, gradients, moments, step):
    """One step of Adam, counted from 1, in the epoch of the same number."""
    rate = 0.001 * 0.95 ** (step - 1)
    moved = {}
    for name, arrays in layers.items():
        moved[name] = []
        for part, value in enumerate(arrays):
            gradient = gradients[name][part]
            first, second = moments.get((name, part), (0, 0))
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            moments[name, part] = first, second
            direction = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            moved[name].append(value - rate * direction)
    return moved


def test_three_steps_are_those_of_the_published_formulas(published, images):
    run = Run(published, "relu", 0, images)
    noise = random_stream(0, "noise")
    layers, moments = by_layer(run.model), {}
    pixels, labels = images.pixels.numpy(), images.labels.numpy()
    for step in (1, 2, 3):
        drawn = torch.randn(IMAGES, 10, generator=noise).numpy()
        *expected, gradients = loss_and_gradients(layers, pixels, labels, drawn)
        seen = joint_epoch(run, images, [torch.arange(IMAGES)])
        assert seen == pytest.approx(expected, rel=1e-6)
        slopes = [parameter.grad.numpy() for parameter in run.model.parameters()]
        by_hand = [array for name in LAYERS for array in gradients[name]]
        for slope, expected_slope in zip(slopes, by_hand, strict=True):
            np.testing.assert_allclose(slope, expected_slope, atol=1e-6)
        layers = adam(layers, gradients, moments, step)
        for name, arrays in by_layer(run.model).items():
            for array, expected_array in zip(arrays, layers[name], strict=True):
                np.testing.assert_allclose(array, expected_array, atol=1e-6)
