"""Links: what the address holds is what another reader sees."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.chromium import wait_until
from tests.browser.conftest import file_address
from tests.browser.driving import A_SEVEN, draw, press_pure, values
from tests.browser.strokes import drawings

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def test_link_carries_a_drawing_its_sliders_and_models(open_page, built):
    page = open_page(file_address(built))
    page.locator(".choose").nth(1).select_option("routed-1")
    expect(page.locator(".model").nth(1)).to_have_attribute("data-name", "routed-1")
    draw(page, A_SEVEN)
    page.locator("#latent-0-2").press("End")
    page.click("#copy-link")
    expect(page.locator("#copied")).not_to_be_empty()
    other = open_page(page.url)
    assert other.locator(".model").nth(1).get_attribute("data-name") == "routed-1"
    np.testing.assert_allclose(values(other, "pixels"), values(page, "pixels"), atol=0.06)
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-3)


def test_copied_link_shows_what_the_switches_say_and_numbers_are_copied(open_page, http_address):
    page = open_page(http_address, **CLIPBOARD)
    press_pure(page, 3)
    page.locator("#view").select_option("atlas")
    page.check("#embed")
    page.click("#copy-link")
    expect(page.locator("#copied")).to_have_text("Link copied")
    other = open_page(clipboard(page))
    expect(other.locator("#atlas")).to_be_visible()
    for hidden in ("#try", "#learn", "#map", "#about", "h1"):
        expect(other.locator(hidden)).to_be_hidden()
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-6)

    page.locator("#latent-0-4").press("End")
    page.click("#copy-numbers")
    expect(page.locator("#copied")).to_have_text("Numbers copied")
    lines = dict(line.split(": ") for line in clipboard(page).split("\n"))
    assert list(lines) == ["routed-0", "baseline-0"]
    for card, numbers in enumerate(lines.values()):
        copied = np.array(numbers.split(" "), float)
        np.testing.assert_allclose(copied, values(page, "latents", card), atol=5.1e-4)


def test_card_of_a_latent_has_a_link_and_an_embed_of_its_own(open_page, http_address, built):
    page = open_page(http_address, **CLIPBOARD)
    page.get_by_role("button", name="Card of latent 3, Routed").click()
    title = page.locator("#latent-title")
    expect(title).to_be_focused()
    expect(title).to_have_text("Latent 3 of Routed, seed 0")
    with torch.no_grad():
        model = built.models["routed"]
        means = model.encode(built.test.pixels)[0][:, 3]
        values = model.activate(means)
    assert means.min() < 0  # what the card shows is activated
    averages = [values[built.test.labels == digit].mean() for digit in range(10)]
    stated = [f"{digit}{value:.2f}" for digit, value in enumerate(averages)]
    expect(page.locator("#latent .by-class li")).to_have_text(stated)
    strongest = values.argsort(descending=True)[0]
    words = f"{built.test.labels[strongest]}: {values[strongest]:.2f}"
    expect(page.locator("#latent .strongest figcaption").first).to_have_text(words)

    page.click("#latent-link")
    expect(page.locator("#latent-copied")).to_have_text("Link copied")
    other = open_page(clipboard(page))
    expect(other.locator("#latent-title")).to_have_text("Latent 3 of Routed, seed 0")
    expect(other.locator("#latent")).to_be_in_viewport()
    expect(other.locator("#try")).to_be_visible()

    page.click("#latent-embed")
    expect(page.locator("#latent-copied")).to_have_text("Embed copied")
    frame = ElementTree.fromstring(clipboard(page).replace("></iframe>", "/>"))
    assert frame.get("title") == "Latent 3 of Routed, seed 0"
    embedded = open_page(frame.get("src"))
    expect(embedded.locator("#latent-title")).to_have_text("Latent 3 of Routed, seed 0")
    for hidden in ("#try", "#learn", "#atlas", "h1", "#latent-link"):
        expect(embedded.locator(hidden)).to_be_hidden()


@pytest.mark.parametrize(
    "hash_",
    ["#view=latent&l=routed-0_99&embed=1", "#m=nobody&d=99999999&s=!!&z0=a_b&view=x", "#%%%"],
)
def test_broken_link_opens_the_page_all_the_same(open_page, built, hash_):
    page = open_page(file_address(built) + hash_)
    expect(page.locator(".model[data-state=ready]")).to_have_count(2)


def test_reload_keeps_the_address_and_forgets_the_tick(page):
    expect(page.locator("#misclassified")).to_be_enabled()
    page.check("#misclassified")
    digit = page.locator("#source").text_content()
    wait_until(page, "location.hash === Demo.Share.write(Demo.Address.current())")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#misclassified")).not_to_be_checked()
    expect(page.locator("#source")).to_have_text(digit)


def test_strokes_of_every_style_survive_a_link(shown):
    """Within a tenth of a grey level's range, though a link leaves points out."""
    drawn = [each.strokes for each in drawings()][::7]
    script = """(text) => JSON.stringify(JSON.parse(text).map((strokes) => {
        const points = strokes.map((stroke) => stroke.map(([x, y]) => Demo.Pad.at(x, y)));
        const hash = Demo.Share.write({ strokes: points });
        const back = Demo.Share.read(hash).strokes;
        const [one, two] = [Demo.Ink.toImage(points), Demo.Ink.toImage(back)];
        return [hash.length, Math.max(...one.map((each, i) => Math.abs(each - two[i])))];
    }))"""
    answers = np.array(json.loads(shown.evaluate(script, json.dumps(drawn))))
    assert answers[:, 0].max() < 600
    assert np.quantile(answers[:, 1], 0.9) < 0.1
