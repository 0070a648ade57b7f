"""Links: what the address holds is what another reader sees."""

from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.conftest import SERVER
from tests.browser.driving import A_SEVEN, draw, press_pure, values

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture(scope="module")
def page(tabs, built):
    with tabs.opened(built, SERVER, **CLIPBOARD) as page:
        yield page


@pytest.fixture(scope="module")
def other(tabs, built):
    """Another reader's, which goes from link to link."""
    with tabs.opened(built, SERVER, **CLIPBOARD) as page:
        yield page


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def test_link_carries_a_drawing_its_sliders_and_models(open_page, built):
    page = open_page(built.address)
    page.locator(".choose").nth(1).select_option("routed-1")
    expect(page.locator(".model").nth(1)).to_have_attribute("data-name", "routed-1")
    page.uncheck("#live-mask")
    page.locator("#live-wrong").fill("20")
    draw(page, A_SEVEN)
    page.locator("#latent-0-2").press("End")
    page.click("#copy-link")
    expect(page.locator("#copied")).not_to_be_empty()
    other = open_page(page.url)
    assert other.locator(".model").nth(1).get_attribute("data-name") == "routed-1"
    np.testing.assert_allclose(values(other, "pixels"), values(page, "pixels"), atol=0.06)
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-3)
    expect(other.locator("#live-mask")).not_to_be_checked()
    expect(other.locator("#live-floor")).to_be_checked()
    expect(other.locator("#live-wrong")).to_have_value("20")


def test_link_to_a_test_image_takes_the_place_of_what_is_drawn(open_page, built):
    page = open_page(built.address)
    link = f"#d={page.evaluate('Demo.state.images.numbers[2]')}"
    draw(page, A_SEVEN)
    page.evaluate("(link) => { location.hash = link; }", link)
    other = open_page(built.address + link)
    expect(page.locator("#source")).to_have_text(other.locator("#source").inner_text())
    np.testing.assert_array_equal(values(page, "pixels"), values(other, "pixels"))


def test_copied_link_shows_what_the_switches_say_and_numbers_are_copied(page, other):
    press_pure(page, 3)
    page.locator("#view").select_option("atlas")
    page.check("#embed")
    page.click("#copy-link")
    expect(page.locator("#copied")).to_have_text("Link copied")
    other.goto(clipboard(page))
    expect(other.locator("#pure [aria-pressed=true]")).to_have_text("3")
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


def test_card_of_a_latent_has_a_link_and_an_embed_of_its_own(page, other, built):
    page.get_by_role("button", name="Card of latent 3, Routed").click()
    title = page.locator("#latent-title")
    expect(title).to_be_focused()
    expect(title).to_have_text("Latent 3 of Routed, seed 0")
    with torch.no_grad():
        model = built.models["routed"]
        means = model.encode(built.test.pixels)[0][:, 3]
        latent = model.activate(means)
    assert means.min() < 0  # what the card shows is activated
    averages = [latent[built.test.labels == digit].mean() for digit in range(10)]
    stated = [f"{digit}{value:.2f}" for digit, value in enumerate(averages)]
    expect(page.locator("#latent .by-class li")).to_have_text(stated)
    strongest = latent.argsort(descending=True)[0]
    words = f"{built.test.labels[strongest]}: {latent[strongest]:.2f}"
    expect(page.locator("#latent .strongest figcaption").first).to_have_text(words)

    page.click("#latent-link")
    expect(page.locator("#latent-copied")).to_have_text("Link copied")
    other.goto(clipboard(page))
    expect(other.locator("#latent-title")).to_have_text("Latent 3 of Routed, seed 0")
    expect(other.locator("#latent")).to_be_in_viewport()
    expect(other.locator("#try")).to_be_visible()

    other.click("#latent-embed")
    expect(other.locator("#latent-copied")).to_have_text("Embed copied")
    frame = ElementTree.fromstring(clipboard(other).replace("></iframe>", "/>"))
    assert frame.get("title") == "Latent 3 of Routed, seed 0"
    other.goto(frame.get("src"))
    expect(other.locator("#latent-title")).to_have_text("Latent 3 of Routed, seed 0")
    for hidden in ("#try", "#learn", "#atlas", "h1", "#latent-link"):
        expect(other.locator(hidden)).to_be_hidden()


def test_broken_link_opens_the_page_all_the_same(open_page, built):
    nonsense = "#view=latent&l=routed-0_99&embed=1&m=nobody&d=99999999&s=!!&z0=a_b&p=99&live=9&%%%"
    page = open_page(built.address + nonsense)
    expect(page.locator(".model[data-state=ready]")).to_have_count(2)
