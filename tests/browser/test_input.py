"""The pad and the test digits: what becomes the input, by mouse and by keyboard."""

import numpy as np
from playwright.sync_api import expect

from tests.browser.driving import (
    A_SEVEN,
    ROUTED,
    Hand,
    canvas,
    draw,
    encode,
    press_pure,
    strokes,
    values,
)
from tests.browser.ink import draw_strokes


def test_strokes_replace_a_test_digit_and_are_undone_one_by_one(page):
    source, undo = page.locator("#source"), page.locator("#undo")
    first = source.text_content()
    expect(undo).to_be_disabled()
    draw(page, A_SEVEN)
    one = values(page, "pixels")
    assert np.abs(one - draw_strokes([A_SEVEN])).mean() < 0.02
    draw(page, [(0.3, 0.5), (0.7, 0.5)])
    assert values(page, "pixels").sum() > one.sum()
    undo.click()
    np.testing.assert_array_equal(values(page, "pixels"), one)
    page.click("#clear")
    expect(source).to_have_text("Empty pad")
    for name in ("#clear", "#encode"):
        expect(page.locator(name)).to_be_disabled()
    undo.click()
    assert len(strokes(page)) == 1
    page.click("#random")
    page.keyboard.press("Control+z")
    expect(source).to_have_text("Your drawing")
    undo.click()
    expect(source).to_have_text(first)
    expect(undo).to_be_disabled()


def test_undo_during_a_stroke_drops_it_and_joins_nothing(page):
    draw(page, A_SEVEN)
    seven = values(page, "pixels")
    hand = Hand(page, "#pad")
    hand.begin([(0.3, 0.5), (0.5, 0.5)])
    page.keyboard.press("Control+z")
    hand.point("mouseMoved", (0.7, 0.5), "mouse", 1)
    hand.point("mouseReleased", (0.7, 0.5), "mouse", 0)
    assert len(strokes(page)) == 1
    np.testing.assert_array_equal(values(page, "pixels"), seven)


def test_blank_pad_is_not_encoded_and_keeps_what_the_sliders_show(page):
    press_pure(page, 7)
    before = values(page, "latents")
    page.click("#clear")
    expect(page.locator("#classes")).to_contain_text("Routed: \u2013")
    expect(page.locator("#hint")).to_be_visible()
    assert len(values(page, "means")) == 0
    assert canvas(page, "#seen").max() == 0
    np.testing.assert_array_equal(values(page, "latents"), before)
    pressed = page.get_by_role("button", name="Pure 7")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    page.locator("#latent-0-1").press("ArrowRight")
    expect(pressed).to_have_attribute("aria-pressed", "false")


def test_dot_is_out_of_distribution(page):
    draw(page, [(0.5, 0.5)])
    expect(page.locator(f"{ROUTED} .margin")).to_have_text("Out of distribution: less ink")
    expect(page.locator("#classes")).to_contain_text("out of distribution")


def test_keyboard_alone_draws_browses_and_moves_a_slider(page):
    page.locator("#pad").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#source")).to_have_text("Your drawing")
    expect(page.locator("#announcement")).to_contain_text("Your drawing. Routed: classified as ")
    height, width = np.ptp(np.argwhere(canvas(page, "#seen") > 0.5), axis=0) + 1
    assert height > 3 * width
    page.keyboard.press("Backspace")
    expect(page.locator("#source")).to_contain_text("Test digit")

    before = page.locator("#source").text_content()
    page.locator("#random").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#source")).not_to_have_text(before)
    page.locator("#latent-0-5").focus()
    decoded = canvas(page, f"{ROUTED} .decoded")
    page.keyboard.press("End")
    assert not np.array_equal(canvas(page, f"{ROUTED} .decoded"), decoded)


def test_space_after_drawing_draws_no_dot(page):
    draw(page, A_SEVEN)
    seven = values(page, "pixels")
    page.keyboard.press("Space")
    page.locator("#random").focus()
    np.testing.assert_array_equal(values(page, "pixels"), seven)
    assert len(strokes(page)) == 1


def test_random_digit_comes_from_the_test_split_with_its_label(shown, built):
    before = shown.locator("#source").text_content()
    shown.click("#random")
    source = shown.locator("#source").text_content()
    assert source != before
    number, label = map(int, source.removeprefix("Test digit ").split(", a "))
    assert built.test.labels[number] == label
    pixels = built.test.pixels[[number]]
    np.testing.assert_allclose(values(shown, "pixels"), pixels[0], atol=1e-6)
    expected = encode(built.models["routed"], pixels)[0]
    np.testing.assert_allclose(values(shown, "means"), expected, atol=1e-3)
    expect(shown.locator(f"{ROUTED} .verdict")).to_contain_text(f"labelled {label}")


def test_next_and_previous_walk_through_the_digits_and_round(shown):
    source = shown.locator("#source")
    first = source.text_content()
    shown.click("#previous")
    last = source.text_content()
    shown.click("#next")
    expect(source).to_have_text(first)
    shown.click("#next")
    assert source.text_content() not in {first, last}
    shown.click("#previous")
    expect(source).to_have_text(first)


def test_everything_is_within_reach_of_the_keyboard(page):
    """Every control that a pointer can use is a stop of the Tab key, or within a group that is."""
    expect(page.locator("#misclassified")).to_be_enabled()
    page.click("#clear")
    for fold in page.locator("summary").all():
        fold.click()
    page.locator("h1").click()
    count = page.evaluate(
        """() => { window.stops = new Set(); window.controls = [...document.querySelectorAll(
            "a, button, input, select, summary, canvas[tabindex]")]
            .filter((each) => !each.disabled && each.tabIndex >= 0 && each.checkVisibility());
            document.addEventListener("focusin", (event) => stops.add(event.target));
            return controls.length; }"""
    )
    for _ in range(count + 10):
        page.keyboard.press("Tab")
    missed = (
        "controls.filter((each) => !stops.has(each)).map((each) => each.outerHTML.slice(0, 80))"
    )
    assert page.evaluate(missed) == []
