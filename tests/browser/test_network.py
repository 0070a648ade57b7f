"""The page's arithmetic against PyTorch's, and its strokes against MNIST's rules."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from grvae.model.training import build_model
from grvae.use.demo_bundle import describe_layers

TOLERANCE = 1e-3
IMAGES = 200
FRAME_MILLISECONDS = 1000 / 60


def answer(page, script, *arguments):
    """What a script makes of the arguments; as text, which travels faster than nested lists."""
    wrapped = f"(text) => JSON.stringify(({script})(...JSON.parse(text)))"
    return json.loads(page.evaluate(wrapped, json.dumps(arguments)))


@pytest.fixture(params=["relu", "none", "softplus", "abs"])
def latent_act(request):
    return request.param


@pytest.mark.parametrize(("hidden_act", "bottleneck"), [(nn.ReLU, True), (nn.SiLU, False)])
def test_golden_vectors_agree(page, recipe, built, latent_act, hidden_act, bottleneck):
    model = build_model(recipe.model_copy(update={"bottleneck": bottleneck}), latent_act, seed=0)
    for layers in (model.encoder, model.decoder):
        for position, layer in enumerate(layers):
            if not isinstance(layer, nn.Linear):
                layers[position] = hidden_act()
    images = built.test.pixels[:IMAGES]
    with torch.no_grad():
        means, _ = model.encode(images)
        latents = model.activate(means)
        pixels = torch.sigmoid(model.decode(latents))
    description = {
        "encoder": describe_layers([*model.encoder, model.mean_head]),
        "decoder": describe_layers([*model.decoder]),
        "latent_act": latent_act,
    }
    script = """(description, images) => {
        const network = Network.read(description);
        return images.map((image) => {
            const means = Network.encode(network, image);
            const latents = Network.activate(network, means);
            const pixels = Network.decode(network, latents);
            return [means, latents, pixels].map((each) => Array.from(each));
        });
    }"""
    answers = answer(page, script, description, images.tolist())
    assert len(answers) == IMAGES
    for expected, actual in zip((means, latents, pixels), zip(*answers, strict=True), strict=True):
        np.testing.assert_allclose(np.array(actual), expected, atol=TOLERANCE)


@pytest.mark.parametrize("variant", [0, 1])
def test_golden_vectors_of_the_shown_models_agree(page, built, variant):
    model = list(built.models.values())[variant]
    images = built.test.pixels[:IMAGES]
    with torch.no_grad():
        means, _ = model.encode(images)
        pixels = torch.sigmoid(model.decode(model.activate(means)))
    script = """(card, images) => images.map((image) => {
        const { network } = Page.cards[card];
        const means = Network.encode(network, image);
        const pixels = Network.decode(network, Network.activate(network, means));
        return [Array.from(means), Array.from(pixels)];
    })"""
    answers = answer(page, script, variant, images.tolist())
    actual_means, actual_pixels = (np.array(each) for each in zip(*answers, strict=True))
    np.testing.assert_allclose(actual_means, means, atol=TOLERANCE)
    np.testing.assert_allclose(actual_pixels, pixels, atol=TOLERANCE)


def to_image(page, *strokes):
    points = [[{"x": x, "y": y} for x, y in stroke] for stroke in strokes]
    image = page.evaluate("(strokes) => Array.from(Drawing.toImage(strokes) ?? [])", points)
    return np.array(image).reshape(28, 28) if image else None


HOOK = [(0.3, 0.2), (0.6, 0.2), (0.6, 0.7), (0.4, 0.8)]


def test_longer_side_fills_20_pixels(page):
    rows, columns = np.nonzero(to_image(page, HOOK))
    assert np.ptp(rows) + 1 in {20, 21}
    assert np.ptp(columns) + 1 < 15


def test_centre_of_mass_is_at_pixel_14(page):
    image = to_image(page, HOOK)
    rows, columns = np.indices((28, 28))
    assert abs((image * rows).sum() / image.sum() - 14) <= 0.51
    assert abs((image * columns).sum() / image.sum() - 14) <= 0.51


def test_size_and_place_of_a_drawing_do_not_matter(page):
    small = [(0.05 + 0.4 * x, 0.5 + 0.4 * y) for x, y in HOOK]
    np.testing.assert_allclose(to_image(page, small), to_image(page, HOOK), atol=1e-5)


def test_crossing_strokes_are_not_brighter_than_ink(page):
    image = to_image(page, [(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)])
    assert image.max() == 1
    np.testing.assert_allclose(image[1:, 1:], image[1:, 1:].T, atol=1e-6)


def test_dot_stays_a_dot(page):
    image = to_image(page, [(0.1, 0.1)])
    assert 3 < image.sum() < 10
    assert image[14, 14] > 0.9


def test_no_stroke_is_no_image(page):
    assert to_image(page) is None


def test_drag_is_smooth(page, params):
    """The default network decodes well within one frame of a screen."""
    model = build_model(params.recipe, "relu", seed=0)
    description = {
        "encoder": [],
        "decoder": describe_layers([*model.decoder]),
        "latent_act": "relu",
    }
    script = """(description) => {
        const network = Network.read(description), latents = new Float32Array(10).fill(1);
        const rounds = 50, start = performance.now();
        for (let i = 0; i < rounds; i++) Network.decode(network, latents);
        return (performance.now() - start) / rounds;
    }"""
    assert page.evaluate(script, description) < FRAME_MILLISECONDS
