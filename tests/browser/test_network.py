"""The page's arithmetic against PyTorch's, and its strokes against MNIST's rules."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import strokes
from grvae.model.vae import build_model
from grvae.use.demo_layers import compressed, describe_layers, round_weights
from tests.browser.conftest import VARIANTS
from tests.strange_cases import CASES, LIMITS

TOLERANCE = 1e-3
IMAGES = 40
FRAME_MILLISECONDS = 1000 / 60
# What is no digit: the page should say that it is like nothing it knows.
NO_DIGITS = {
    "dot": [[(0.5, 0.5)]],
    "dots": [[(0.2, 0.2)], [(0.8, 0.3)], [(0.4, 0.8)]],
    "scribble": [
        [(0.5 + 0.4 * math.sin(1.3 * i), 0.5 + 0.4 * math.cos(2.1 * i)) for i in range(60)]
    ],
    "grid": [strokes.line((0.1, y), (0.9, y)) for y in (0.1, 0.37, 0.63, 0.9)]
    + [strokes.line((x, 0.1), (x, 0.9)) for x in (0.1, 0.37, 0.63, 0.9)],
    "zigzag": [
        strokes.line((0.1, 0.1), (0.9, 0.2), (0.1, 0.3), (0.9, 0.4), (0.1, 0.5), (0.9, 0.6))
    ],
    "cross": [strokes.line((0.1, 0.5), (0.9, 0.5)), strokes.line((0.5, 0.1), (0.5, 0.9))],
    "horizontal": [strokes.line((0.1, 0.5), (0.9, 0.5))],
}


def answer(page, script, *arguments):
    """What a script makes of the arguments; as text, which travels faster than nested lists."""
    wrapped = f"async (text) => JSON.stringify(await ({script})(...JSON.parse(text)))"
    return json.loads(page.evaluate(wrapped, json.dumps(arguments)))


def described(model):
    """A model's layers as the page reads them."""
    encoder, encoder_bytes = describe_layers([*model.encoder, model.mean_head])
    decoder, decoder_bytes = describe_layers([*model.decoder])
    return {
        "encoder": encoder,
        "decoder": decoder,
        "bytes": compressed(encoder_bytes + decoder_bytes),
        "latent_act": model.architecture.latent_act,
    }


@pytest.fixture(params=["relu", "none", "softplus", "abs"])
def latent_act(request):
    return request.param


@pytest.mark.parametrize(("hidden_act", "bottleneck"), [(nn.ReLU, True), (nn.SiLU, False)])
def test_golden_vectors_agree(shown, recipe, built, latent_act, hidden_act, bottleneck):
    model = build_model(recipe.model_copy(update={"bottleneck": bottleneck}), latent_act, seed=0)
    for layers in (model.encoder, model.decoder):
        for position, layer in enumerate(layers):
            if not isinstance(layer, nn.Linear):
                layers[position] = hidden_act()
    images = built.test.pixels[:IMAGES]
    model = round_weights(model)
    with torch.no_grad():
        means, _ = model.encode(images)
        latents = model.activate(means)
        pixels = torch.sigmoid(model.decode(latents))
    script = """async (description, images) => {
        const network = Network.read(description, await Data.inflate(description.bytes));
        return images.map((image) => {
            const means = Network.encode(network, image);
            const latents = Network.activate(network, means);
            const pixels = Network.decode(network, latents);
            return [means, latents, pixels].map((each) => Array.from(each));
        });
    }"""
    answers = answer(shown, script, described(model), images.tolist())
    assert len(answers) == IMAGES
    for expected, actual in zip((means, latents, pixels), zip(*answers, strict=True), strict=True):
        np.testing.assert_allclose(np.array(actual), expected, atol=TOLERANCE)


def test_golden_vectors_of_convolutions_agree(shown, recipe, images):
    changes = {"network": "conv_encoder", "hidden_sizes": [4, 6, 20]}
    model = round_weights(build_model(recipe.model_copy(update=changes), "relu", seed=0))
    few = images.pixels[:10]
    with torch.no_grad():
        means, _ = model.encode(few)
        pixels = torch.sigmoid(model.decode(model.activate(means)))
    script = """async (description, images) => {
        const network = Network.read(description, await Data.inflate(description.bytes));
        return images.map((image) => {
            const means = Network.encode(network, image);
            const pixels = Network.decode(network, Network.activate(network, means));
            return [Array.from(means), Array.from(pixels)];
        });
    }"""
    answers = answer(shown, script, described(model), few.tolist())
    for expected, actual in zip((means, pixels), zip(*answers, strict=True), strict=True):
        np.testing.assert_allclose(np.array(actual), expected, atol=TOLERANCE)


def test_strokes_come_out_as_in_python(shown):
    """One rule in two languages: every drawn style, and what is no digit at all."""
    drawn = [each.strokes for each in strokes.drawings()] + list(NO_DIGITS.values())
    script = """(drawings) => drawings.map((strokes) => Array.from(Ink.toImage(
        strokes.map((stroke) => stroke.map(([x, y]) => ({ x, y }))))))"""
    expected = np.stack([strokes.rasterise(each) for each in drawn])
    assert len(drawn) > 400
    np.testing.assert_allclose(np.array(answer(shown, script, drawn)), expected, atol=1e-5)


def test_doubt_follows_the_rule_of_python(shown):
    script = "(cases, limits) => cases.map(([of]) => Model.strangeness(...of, limits))"
    assert answer(shown, script, CASES, LIMITS) == [expected for _, expected in CASES]


@pytest.mark.parametrize("variant", [0, 1])
def test_golden_vectors_of_the_shown_models_agree(shown, built, variant):
    model = built.models[VARIANTS[variant]]
    images = built.test.pixels[:IMAGES]
    with torch.no_grad():
        means, _ = model.encode(images)
        pixels = torch.sigmoid(model.decode(model.activate(means)))
    script = """(card, images) => images.map((image) => {
        const { network } = Page.cards[card].model;
        const means = Network.encode(network, image);
        const pixels = Network.decode(network, Network.activate(network, means));
        return [Array.from(means), Array.from(pixels)];
    })"""
    answers = answer(shown, script, variant, images.tolist())
    actual_means, actual_pixels = (np.array(each) for each in zip(*answers, strict=True))
    np.testing.assert_allclose(actual_means, means, atol=TOLERANCE)
    np.testing.assert_allclose(actual_pixels, pixels, atol=TOLERANCE)


def to_image(page, *strokes):
    points = [[{"x": x, "y": y} for x, y in stroke] for stroke in strokes]
    image = page.evaluate("(strokes) => Array.from(Ink.toImage(strokes) ?? [])", points)
    return np.array(image).reshape(28, 28) if image else None


HOOK = [(0.3, 0.2), (0.6, 0.2), (0.6, 0.7), (0.4, 0.8)]


def test_longer_side_fills_20_pixels(shown):
    rows, columns = np.nonzero(to_image(shown, HOOK))
    assert np.ptp(rows) + 1 in {20, 21}
    assert np.ptp(columns) + 1 < 15


def test_centre_of_mass_is_at_pixel_14(shown):
    image = to_image(shown, HOOK)
    rows, columns = np.indices((28, 28))
    assert abs((image * rows).sum() / image.sum() - 14) <= 0.51
    assert abs((image * columns).sum() / image.sum() - 14) <= 0.51


def test_size_and_place_of_a_drawing_do_not_matter(shown):
    small = [(0.05 + 0.4 * x, 0.5 + 0.4 * y) for x, y in HOOK]
    np.testing.assert_allclose(to_image(shown, small), to_image(shown, HOOK), atol=1e-5)


def test_crossing_strokes_are_not_brighter_than_ink(shown):
    image = to_image(shown, [(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)])
    assert image.max() == 1
    np.testing.assert_allclose(image[1:, 1:], image[1:, 1:].T, atol=1e-6)


def test_dot_stays_a_dot(shown):
    image = to_image(shown, [(0.1, 0.1)])
    assert 3 < image.sum() < 10
    assert image[14, 14] > 0.9


def test_no_stroke_is_no_image(shown):
    assert to_image(shown) is None


def test_drag_is_smooth(page, params):
    """The default network decodes well within one frame of a screen."""
    model = build_model(params.recipe, "relu", seed=0)
    script = """async (description) => {
        const network = Network.read(description, await Data.inflate(description.bytes));
        const latents = new Float32Array(10).fill(1);
        const rounds = 50, start = performance.now();
        for (let i = 0; i < rounds; i++) Network.decode(network, latents);
        return (performance.now() - start) / rounds;
    }"""
    assert page.evaluate(script, described(model)) < FRAME_MILLISECONDS
