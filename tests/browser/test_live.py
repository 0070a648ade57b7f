"""Train it here: the committed page's own networks learn what they should, and only in sight."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from grvae.model.routing import gate_gradient, route_gradient
from tests.browser.conftest import READY_MILLISECONDS
from tests.browser.driving import answer
from tests.conftest import PROJECT

PAGE = (PROJECT / "grvae" / "demo" / "index.html").as_uri()
LET_THROUGH = """() => Demo.Live.session.learn(Demo.state.live).gradients
    .map(({ passed }) => passed.filter((each) => each !== 0).length)"""


@pytest.fixture(scope="module")
def live(tabs, built):
    with tabs.opened(built, PAGE) as page:
        assert page.evaluate("Demo.Live.session") is None  # the images wait until it is in sight
        page.locator("#live .sides").first.scroll_into_view_if_needed()
        measured = page.locator("#live .measured").last
        expect(measured).to_contain_text("squared error", timeout=READY_MILLISECONDS)
        yield page


def test_gradient_is_that_of_finite_differences(live):
    script = """() => {
        const { create, learnFrom, lossOf } = Demo.LiveModel;
        const network = create(30, 4, 3), step = 1e-3;
        const pixels = Float64Array.from({ length: 30 }, (_, i) => (i % 3 ? (i % 7) / 7 : 0));
        const noise = Float64Array.of(0.5, -0.2, 0.1, 0.9);
        learnFrom(network, pixels, 0, noise, { mask: false, rate: 0 });
        return network.layers.flatMap(({ weights, gradient }) => {
            const at = Array.from({ length: 40 }, (_, i) => Math.floor((i * weights.length) / 40));
            return at.map((i) => {
                const before = weights[i];
                const [high, low] = [before + step, before - step].map((weight) => {
                    weights[i] = weight;
                    return [weights[i], lossOf(network, pixels, noise)];
                });
                weights[i] = before;
                return [gradient[i], (high[1] - low[1]) / (high[0] - low[0])];
            });
        });
    }"""
    computed, expected = np.array(answer(live, script)).T
    assert np.count_nonzero(computed) > 60
    np.testing.assert_allclose(computed, expected, atol=2e-3)


SWITCHES = [(m, f, g) for m in (True, False) for f in (True, False) for g in (True, False)]


def test_mask_floor_and_gate_are_those_of_python(live):
    values, gradients = np.meshgrid([0.5, 2.5, 4.5, 5.5], [-1.5, 0.5])
    cases = [*zip(values.ravel().tolist(), gradients.ravel().tolist(), strict=True)]
    script = """(cases, all) => { const { FLOOR, CEILING, gate, route } = Demo.LiveModel;
        return [FLOOR, CEILING, all.map(([mask, floor, gates]) => [true, false].map((isLabel) =>
            cases.map(([value, gradient]) => gate(route(gradient, isLabel, mask), value, isLabel,
                { floor, gate: gates }))))]; }"""
    low, high, computed = answer(live, script, cases, SWITCHES)
    for (mask, floor, gates), both in zip(SWITCHES, computed, strict=True):
        for is_label, passed in zip((True, False), both, strict=True):
            latents = torch.tensor([[value for value, _ in cases]], requires_grad=True)
            share = torch.full_like(latents, float(is_label or not mask))
            floors = torch.full_like(latents, low if floor and is_label else -torch.inf)
            ceilings = torch.full_like(latents, high if gates and not is_label else torch.inf)
            acts = latents < floors, latents > ceilings
            gated = gate_gradient(latents, *acts, -10.0 if gates else 0.0)
            route_gradient(gated, share).backward(torch.tensor([[each for _, each in cases]]))
            np.testing.assert_allclose(passed, latents.grad[0], atol=1e-6)


def test_largest_latent_classifies_held_out_images_with_routing_only(live):
    script = """() => {
        const { labels, pixels, trained } = Demo.Live.session;
        const begin = () => new Demo.LiveModel.Session({ labels, pixels, trained }, 10, 1);
        const one = begin(), two = begin(), images = 10_000;
        for (let i = 0; i < images; i++) one.learn(Demo.state.live);
        for (let i = 0; i < 40; i++) two.learn(Demo.state.live);
        const again = begin();
        for (let i = 0; i < 40; i++) again.learn(Demo.state.live);
        const same = two.networks.every((network, i) => network.layers.every(({ weights }, layer) =>
            weights.every((each, at) => each === again.networks[i].layers[layer].weights[at])));
        const share = (network) => { const measuring = one.measure(network);
            for (let i = 0; i < 500; i++) measuring.next();
            return measuring.next().value.accuracy; };
        return [labels.length - trained, same, ...one.networks.map(share)];
    }"""
    held_out, same_again, routed, unrouted = live.evaluate(script)
    assert held_out == 500
    assert same_again
    assert routed >= 0.85
    assert unrouted < 0.5


def train(page):
    page.click("#live-play")
    expect(page.locator("#live-play")).to_have_text("Pause")
    expect(page.locator("#live-seen")).to_have_text(re.compile(r"^[\d,]{3,} images seen"))


def test_mask_can_be_switched_off_in_the_middle_and_the_link_says_so(live):
    train(live)
    live.click("#live-play")
    assert live.evaluate(LET_THROUGH)[0] <= 1
    live.uncheck("#live-mask")
    expect(live.locator("#live-method")).to_have_text("Mask off")
    one, other = live.evaluate(LET_THROUGH)
    assert min(one, other) > 1
    live.locator("#live-wrong").fill("20")
    expect(live).to_have_url(re.compile("live=1_f_0.005_20"))


def test_training_stops_where_its_section_is_left(live):
    train(live)
    expect(live.locator("#live-label")).to_contain_text("Labelled ")
    live.locator("#about").scroll_into_view_if_needed()
    expect(live.locator("#live-play")).to_have_text("Train")
    seen = live.evaluate("Demo.Live.session.seen")
    live.evaluate("new Promise(requestAnimationFrame)")
    assert live.evaluate("Demo.Live.session.seen") == seen
