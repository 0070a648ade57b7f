"""What there is to see on other screens and in other colours."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import SERVER
from tests.browser.driving import A_SEVEN, draw, press_pure

OVERLAPS = """() => { const parts = [...document.querySelectorAll(
    "button, select, .latent > *, .check > *, .error > *, nav a")]
    .filter((each) => each.checkVisibility())
    .map((each) => [each, each.getBoundingClientRect()]);
    const found = [];
    for (const [i, [one, a]] of parts.entries()) for (const [two, b] of parts.slice(i + 1))
        if (!one.contains(two) && a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 1 && b.top < a.bottom - 1)
            found.push([one.outerHTML.slice(0, 60), two.outerHTML.slice(0, 60)]);
    return found; }"""
SIZES = [(320, 568), (390, 700), (700, 360), (844, 390), (1280, 450), (1024, 700), (1920, 1000)]


def test_page_fits_every_screen_without_overlaps(shown):
    for width, height in SIZES:
        shown.set_viewport_size({"width": width, "height": height})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.evaluate(OVERLAPS) == []
        if height < 800:  # a finger scrolls beside the pad
            assert shown.locator("#pad").bounding_box()["height"] <= height - 100
        if height < 500 and width > 800:  # a slider is long enough to aim at
            widths = "(all) => all.map((each) => each.clientWidth)"
            assert min(shown.locator(".lane").evaluate_all(widths)) > 150


def test_phone_on_its_side_shows_the_picture_beside_the_moving_slider(shown):
    shown.set_viewport_size({"width": 700, "height": 360})
    for latent in (1, 9):
        shown.locator(f"#latent-0-{latent}").evaluate(
            "(row) => row.scrollIntoView({ block: 'center' })"
        )
        box = shown.locator(".decoded").first.bounding_box()
        assert box["y"] > -40
        assert box["y"] + box["height"] < 400


def test_nothing_jumps_while_the_page_is_used(page):
    page.set_viewport_size(DESKTOP["viewport"])
    tops = """() => [...document.querySelectorAll("section, .look, .latent, button")]
        .filter((each) => each.checkVisibility())
        .map((each) => each.getBoundingClientRect().top + scrollY)"""
    before = page.evaluate(tops)
    page.click("#clear")
    assert page.evaluate(tops) == before
    draw(page, A_SEVEN)
    assert page.evaluate(tops) == before
    press_pure(page, 7)
    assert page.evaluate(tops) == before


def test_bar_and_slider_of_a_row_lie_on_one_scale(shown):
    shown.set_viewport_size(DESKTOP["viewport"])
    offsets = shown.evaluate(
        """() => {
            const card = Demo.state.cards[0], [low, high] = card.model.sliders;
            const value = (low + high) / 2;
            card.setLatents(card.latents.map(() => value));
            card.means = card.means.map(() => value);
            card.showEncoding();
            return card.rows.map(({ bar, slider }) => {
                const box = slider.getBoundingClientRect(), thumb = 18;
                const at = box.left + thumb / 2 + (box.width - thumb) / 2;
                return at - bar.getBoundingClientRect().right;
            });
        }"""
    )
    assert np.abs(offsets).max() < 1.5


def test_forced_colours_keep_bars_and_pressed_buttons_apart_from_the_rest(page):
    press_pure(page, 7)
    page.emulate_media(forced_colors="active")
    background = "(each) => getComputedStyle(each).backgroundColor"
    pressed, other, bar, card = (
        page.locator(selector).first.evaluate(background)
        for selector in (
            "#pure [aria-pressed=true]",
            "#pure [aria-pressed=false]",
            ".latent:not(.largest) .bar",
            ".card",
        )
    )
    assert pressed != other
    assert bar != card


CONTRASTS = """() => { const { Color, getContrast } = axe.commons.color;
    const pairs = [[".latent:not(.largest) .bar", ".card"],
        [".latent.largest .bar", ".latent.largest"]];
    const colour = (selector) => { const found = new Color();
        found.parseString(getComputedStyle(document.querySelector(selector)).backgroundColor);
        return found; };
    return pairs.map((pair) => getContrast(...pair.map(colour))); }"""


@pytest.mark.slow
def test_page_has_no_accessibility_fault_that_axe_knows_and_its_bars_stand_out(open_page):
    page = open_page(SERVER)  # axe fetches the style sheet, which a browser forbids for files
    for fold in page.locator("summary").all():
        fold.click()
    for theme, size in (("light", DESKTOP), ("dark", PHONE)):
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size(size["viewport"])
        violations = Axe().run(page).response["violations"]
        assert [(theme, each["id"], each["nodes"][0]["html"]) for each in violations] == []
        assert min(page.evaluate(CONTRASTS)) >= 3
