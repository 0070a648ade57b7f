"""Any labelled images on the page: many named classes in grey, two in colour, and letters."""

import string

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from grvae.base.image_spec import ImageSpec
from grvae.model.images import as_pictures
from tests.browser.chromium import PHONE
from tests.browser.conftest import VARIANTS, Built, build_page
from tests.browser.driving import A_SEVEN, ROUTED, Hand, canvas, decode, picture, values

SMALL = {"network": "conv_encoder", "hidden_sizes": [4, 6, 20], "decoder_sizes": [16]}
# Names of all lengths; the last is all but as long as a class's name may be.
SKINK = "yellow-bellied three-toed skink (Saiphos equalis)"
MANY = ImageSpec((*string.ascii_letters, *string.digits[1:], SKINK), side=16, colours=1)
COLOURS = ImageSpec(("red", "rhinoceros-like green"), side=16, colours=3)
LETTERS = ImageSpec(tuple(string.ascii_uppercase), side=16, colours=1)


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Built:
    return build_page(tmp_path_factory.mktemp("many"), MANY, VARIANTS, **SMALL)


@pytest.fixture(scope="module")
def many_shown(tabs, many):
    with tabs.opened(many, many.address, **PHONE) as page:
        yield page


def test_every_one_of_62_classes_has_a_slider_and_a_button_that_decodes_it(many_shown, many):
    page, card = many_shown, many_shown.locator(".model").first
    assert card.locator(".latent label").all_inner_texts() == [*MANY.classes]
    expect(card.get_by_role("slider")).to_have_count(62)
    expect(card.get_by_role("slider").last).to_have_accessible_name(f"Class {SKINK}, Routed")
    fits = f"Latent 0, fits {SKINK} best, Baseline"
    expect(page.locator("#latent-1-0")).to_have_accessible_name(fits)
    page.get_by_role("button", name="Pure b", exact=True).click()
    expected = decode(many.models["routed"], values(page, "latents")).reshape(16, 16)
    np.testing.assert_allclose(canvas(page, f"{ROUTED} .decoded"), expected, atol=1 / 255)
    for fold in page.locator(".model summary").all():
        fold.click()
    script = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(script) <= 0


def test_explanation_of_many_classes_draws_the_label_latent_and_its_rivals(many_shown):
    page, side = many_shown, many_shown.locator("#learn .side").first
    page.click("#next")
    expect(page.locator("#source")).to_have_text("Test image 1, labelled b")
    expect(side.locator(".latent-box")).to_have_count(9)
    expect(side.locator(".latent-box.own text")).to_have_text("b")
    expect(side.locator(".drawing")).to_contain_text("53 of them not drawn")
    expect(page.locator("#learn .sentence")).to_have_text("An image of the class b goes in.")
    latents = np.maximum(0, values(page, "means"))
    script = "(all) => all.map((each) => Number(each.dataset.latent))"
    drawn = set(side.locator(".latent-box").evaluate_all(script))
    assert latents[sorted(drawn - {1})].min() >= np.sort(np.delete(latents, 1))[-8]


def test_single_model_of_two_classes_in_colour_is_shown_by_name(open_page, tmp_path):
    built = build_page(tmp_path, COLOURS, ["routed"], **SMALL)
    page = open_page(built.address)
    expect(page.locator(".model")).to_have_count(1)
    page.click("#next")
    expect(page.locator("#source")).to_have_text(f"Test image 1, labelled {COLOURS.classes[1]}")
    expect(page.locator("#pad")).to_be_hidden()
    expected = as_pictures(built.test.pixels[1], COLOURS).numpy()
    np.testing.assert_allclose(picture(page, "#seen"), expected, atol=1 / 255)
    largest = COLOURS.classes[int(values(page, "means").argmax())]
    card = page.locator(".model")
    expect(card.locator(".answer")).to_contain_text(largest)
    expect(card.locator(".reason")).to_have_text(f"Latent {largest} is the largest")
    expect(card.locator(".verdict")).to_contain_text(f"labelled {COLOURS.classes[1]}")
    page.get_by_role("button", name="Pure red").click()
    decoded = torch.from_numpy(decode(built.models["routed"], values(page, "latents")))
    expected = as_pictures(decoded, COLOURS).numpy()
    np.testing.assert_allclose(picture(page, ".decoded"), expected, atol=1 / 255)
    expect(page.locator("#atlases .cell")).to_have_count(9 * 2)
    page.locator("#map").scroll_into_view_if_needed()
    expect(page.locator(".map-note")).to_contain_text("test images. Choose one.")
    expect(page.get_by_label("Across")).to_contain_text(f"Latent {COLOURS.classes[-1]}")


def test_letters_are_drawn_at_their_own_side_and_their_names_have_room(open_page, tmp_path):
    page = open_page(build_page(tmp_path, LETTERS, VARIANTS, **SMALL).address, **PHONE)
    expect(page.locator("h1")).to_have_text("A letter in 26 numbers")
    expect(page.locator("#hint")).to_have_text("Draw a letter here")
    Hand(page, "#pad").stroke(0, A_SEVEN)
    expect(page.locator("#source")).to_have_text("Your drawing")
    ink = values(page, "pixels").reshape(16, 16) > 0.3
    height, width = np.ptp(np.argwhere(ink), axis=0) + 1
    assert 10 <= max(height, width) <= 12  # 20 of 28
    page.get_by_role("button", name="Card of latent C, Routed").click()
    expect(page.locator("#latent .strongest figure")).to_have_count(9)
    script = """(all) => all.filter((each) => each.scrollWidth > each.clientWidth)
        .map((each) => [each.textContent, each.scrollWidth, each.clientWidth])"""
    texts = ".latent label, .row-name, .class .answer, #latent figcaption"
    assert page.locator(texts).evaluate_all(script) == []
    rows = page.locator("#live .side").first.locator("[text-anchor=end]")
    heights = rows.evaluate_all("(all) => all.map((each) => Number(each.getAttribute('y')))")
    assert len(heights) == 26
    assert np.diff(heights).min() >= 13  # the size of their font
