"""Fingers, pens and lost events, as the browser itself gives them: what draws and what moves."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.driving import Hand, Point, press_pure, strokes, values

LINE = [(0.5, 0.2), (0.5, 0.35), (0.5, 0.5), (0.5, 0.65), (0.5, 0.8)]


def is_line(stroke: list[Point]) -> bool:
    """Whether a stroke is `LINE`, from end to end."""
    ends = np.array([stroke[0], stroke[-1]])
    return len(stroke) > 2 and bool(np.abs(ends - np.array([LINE[0], LINE[-1]])).max() < 0.02)


def drew_line(page: Page) -> bool:
    """Whether that is all that is drawn."""
    (stroke,) = strokes(page)
    return is_line(stroke)


@pytest.fixture
def hand(phone: Page) -> Hand:
    return Hand(phone, "#pad")


def test_finger_draws_a_stroke_without_scrolling(phone, hand):
    at = phone.evaluate("scrollY")
    hand.stroke(0, LINE)
    assert drew_line(phone)
    assert phone.evaluate("scrollY") == at


def test_pen_draws_while_a_palm_rests(phone, hand):
    hand.press(0, (0.9, 0.9))
    hand.begin(LINE, "pen")
    hand.point("mouseReleased", LINE[-1], "pen", 0)
    hand.lift(0)
    assert drew_line(phone)


def test_palm_that_comes_after_the_pen_draws_nothing(phone, hand):
    hand.begin(LINE[:3], "pen")
    hand.press(0, (0.9, 0.9))
    for place in LINE[3:]:
        hand.point("mouseMoved", place, "pen", 1)
    hand.point("mouseReleased", LINE[-1], "pen", 0)
    hand.lift(0)
    hand.stroke(1, [(0.9, 0.8)])
    assert drew_line(phone)


def test_finger_draws_while_a_palm_rests(phone, hand):
    hand.press(0, (0.9, 0.9))
    hand.stroke(1, LINE)
    hand.lift(0)
    assert drew_line(phone)


def test_finger_that_comes_during_a_stroke_draws_nothing(phone, hand):
    hand.press(0, LINE[0])
    hand.move(0, *LINE[1:3])
    hand.press(1, (0.1, 0.1))
    hand.move(1, (0.2, 0.2))
    hand.move(0, *LINE[3:])
    hand.lift(1)
    hand.lift(0)
    assert drew_line(phone)


def test_pinch_draws_nothing(phone, hand):
    source = phone.locator("#source").text_content()
    hand.press(0, (0.4, 0.5))
    hand.press(1, (0.6, 0.5))
    for away in (0.1, 0.2, 0.3):
        hand.move(0, (0.4 - away, 0.5))
        hand.move(1, (0.6 + away, 0.5))
    hand.lift(0)
    hand.lift(1)
    assert strokes(phone) == []
    expect(phone.locator("#source")).to_have_text(source)


def test_cancelled_touch_takes_its_stroke_away(phone, hand):
    hand.stroke(0, LINE)
    drawn = values(phone, "pixels")
    hand.press(0, (0.2, 0.2))
    hand.move(0, (0.3, 0.3))
    hand.cancel()
    assert len(strokes(phone)) == 1
    np.testing.assert_array_equal(values(phone, "pixels"), drawn)
    hand.stroke(0, [(0.8, 0.2), (0.8, 0.5)])
    assert len(strokes(phone)) == 2
    phone.click("#undo")
    phone.click("#undo")
    assert strokes(phone) == []


def test_touch_draws_after_one_whose_end_was_lost(phone, hand):
    phone.evaluate(
        """addEventListener("pointerup", (event) => event.stopPropagation(),
            { capture: true, once: true })"""
    )
    hand.stroke(0, LINE)
    hand.stroke(0, [(0.2, 0.2), (0.3, 0.3)])
    assert len(strokes(phone)) == 2
    assert is_line(strokes(phone)[0])


def test_stroke_ends_where_the_button_is_no_longer_down(phone, hand):
    hand.begin(LINE)
    for place in ((0.9, 0.8), (0.9, 0.2)):
        hand.point("mouseMoved", place, "mouse", 0)
    hand.begin([(0.2, 0.2), (0.3, 0.3)])
    hand.point("mouseReleased", (0.3, 0.3), "mouse", 0)
    first, second = strokes(phone)
    assert is_line(first)
    assert second[0] == pytest.approx([0.2, 0.2], abs=0.01)
    expect(phone.locator("#announcement")).to_contain_text("Your drawing")


def test_finger_moves_a_slider_and_not_the_page(phone):
    hand = Hand(phone, "#latent-0-2")
    at = phone.evaluate("scrollY")
    hand.stroke(0, [(part, 0.5) for part in np.linspace(0.3, 0.95, 9)])
    assert phone.evaluate("scrollY") == at
    assert int(phone.locator("#latent-0-2").input_value()) > 340  # of 400 steps


SCROLLED = """(at) => new Promise((done) => {
    const look = () => (scrollY > at ? done(true) : requestAnimationFrame(look));
    look();
    setTimeout(() => done(false), 5000);
})"""


def scroll_from(page: Page, selector: str) -> None:
    """Drag the page up by a finger that comes down there."""
    hand, at = Hand(page, selector), page.evaluate("scrollY")
    hand.stroke(0, [(0.9, 0.5 - step) for step in np.linspace(0, 4, 12)])
    assert page.evaluate(SCROLLED, at + 50)


def test_scroll_that_begins_on_a_slider_moves_the_page_alone(phone):
    press_pure(phone, 3)
    before = values(phone, "latents")
    speed = phone.locator("#speed").input_value()
    for selector in ("#latent-0-2", "#speed"):
        scroll_from(phone, selector)
    np.testing.assert_array_equal(values(phone, "latents"), before)
    assert phone.locator("#speed").input_value() == speed
    expect(phone.get_by_role("button", name="Pure 3")).to_have_attribute("aria-pressed", "true")
    phone.click("#play")
    scroll_from(phone, "#latent-0-2")
    expect(phone.locator("#play")).to_have_text("Pause")
