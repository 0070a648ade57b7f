"""The page's arithmetic against Python's: networks, strokes, and when an image is strange."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from grvae.data.pictures import boxed
from grvae.model.vae import build_model
from grvae.use.demo_layers import compressed, describe_layers, round_weights
from tests.browser.driving import answer
from tests.browser.ink import draw_strokes
from tests.out_of_distribution_cases import CASES, LIMITS

TOLERANCE = 1e-3
IMAGES = 20
NO_DIGITS = [
    [],
    [[(0.1, 0.1)]],
    [[(0.2, 0.2)], [(0.8, 0.3)], [(0.4, 0.8)]],
    [[(0.1, 0.5), (0.9, 0.5)], [(0.5, 0.1), (0.5, 0.9)]],
    [[((i % 100) / 100, i / 1000) for i in range(1000)]],
]


def scribbles(count):
    """Drawings of up to three bent strokes, of every size and place, always the same."""
    random, along = np.random.default_rng(0), np.linspace(0, 1, 30)[:, None]
    for _ in range(count):
        size, place = random.uniform(0.05, 0.45), random.uniform(0.45, 0.55, 2)
        bends = random.uniform(0, 6, (random.integers(1, 4), 2, 2))
        yield [(place + size * np.sin(one + along * two)).tolist() for one, two in bends]


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


NETWORKS = {
    "mlp": {"hidden_act": "relu", "bottleneck": True},
    "conv": {"network": "conv_encoder", "hidden_sizes": [4, 6, 20], "decoder_sizes": [16]},
}


@pytest.mark.parametrize(
    ("network", "latent_act"),
    [("mlp", "relu"), ("mlp", "abs"), ("conv", "none"), ("conv", "softplus")],
)
def test_golden_vectors_agree(shown, recipe, built, network, latent_act):
    model = build_model(recipe.model_copy(update=NETWORKS[network]), latent_act, seed=0)
    images = built.test.pixels[:IMAGES]
    model = round_weights(model)
    with torch.no_grad():
        means, _ = model.encode(images)
        latents = model.activate(means)
        pixels = torch.sigmoid(model.decode(latents))
    script = """async (description, images) => {
        const { Data, Network } = Demo;
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


def test_strokes_come_out_as_in_python(shown):
    """One rule in two languages, for what is drawn and for what is no digit at all."""
    drawn = [*scribbles(60), *NO_DIGITS]
    script = """(drawings) => drawings.map((strokes) => { const image = Demo.Ink.toImage(
        strokes.map((stroke) => stroke.map(([x, y]) => ({ x, y }))));
        return image && Array.from(image); })"""
    for ours, actual in zip(map(draw_strokes, drawn), answer(shown, script, drawn), strict=True):
        if ours is None:
            assert actual is None
        else:
            np.testing.assert_allclose(actual, ours, atol=1e-5)


def test_strokes_and_a_picture_of_them_come_out_alike():
    hook = [(0.3, 0.2), (0.6, 0.2), (0.6, 0.7), (0.4, 0.8)]
    rows, columns = np.indices((280, 280)) / 280 + 1 / 560
    pen = 0.6 / 17.6 * 1.2  # as wide as the strokes' own after scaling
    distance = np.full(rows.shape, np.inf)
    for x, y in np.concatenate([np.linspace(a, b, 200) for a, b in pairwise(hook)]):
        distance = np.minimum(distance, np.hypot(columns - x, rows - y))
    strokes, drawn = draw_strokes([hook]), boxed((distance < pen).astype(float), 28).ravel()
    assert np.abs(strokes - drawn).mean() < 0.03  # whole pixels in one, parts of them in the other
    assert np.corrcoef(strokes, drawn)[0, 1] > 0.85


def test_strokes_survive_a_link(shown):
    """Within a tenth of a grey level's range, though a link leaves points out."""
    script = """(drawings) => drawings.map((strokes) => {
        const points = strokes.map((stroke) => stroke.map(([x, y]) => Demo.Pad.at(x, y)));
        const hash = Demo.Share.write({ strokes: points });
        const back = Demo.Share.read(hash).strokes;
        const [one, two] = [Demo.Ink.toImage(points), Demo.Ink.toImage(back)];
        return [hash.length, Math.max(...one.map((each, i) => Math.abs(each - two[i])))];
    })"""
    lengths, differences = np.array(answer(shown, script, [*scribbles(60)])).T
    assert lengths.max() < 400
    assert np.quantile(differences, 0.9) < 0.1


def test_rule_for_what_is_strange_is_that_of_python(shown):
    script = "(cases, limits) => cases.map(([of]) => Demo.Model.outOfDistribution(...of, limits))"
    assert answer(shown, script, CASES, LIMITS) == [expected for _, expected in CASES]
