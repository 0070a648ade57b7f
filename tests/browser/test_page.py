"""What a reader does with the page, done by a program."""

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from grvae.measure.sliders import latents_of_places, read_sliders
from tests.browser.chromium import PHONE
from tests.browser.conftest import VARIANTS, build_page, file_address

A_SEVEN = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.8)]


def values(page: Page, expression: str, card: int = 0) -> np.ndarray:
    """A list of numbers that belongs to one model's card."""
    script = f"(card) => Array.from(Page.cards[card].{expression} ?? [])"
    return np.array(page.evaluate(script, card))


def canvas(page: Page, selector: str) -> np.ndarray:
    """The red channel (28, 28) in [0, 1] of a small canvas, as painted."""
    script = """(canvas) => Array.from(canvas.getContext("2d").getImageData(0, 0, 28, 28).data)"""
    return np.array(page.locator(selector).evaluate(script)).reshape(28, 28, 4)[:, :, 0] / 255


def sliders(page: Page, variant: str = "routed") -> np.ndarray:
    script = "(all) => all.map((slider) => slider.valueAsNumber)"
    return np.array(page.locator(f"[data-variant={variant}] .latent input").evaluate_all(script))


def draw(page: Page, points: list[tuple[float, float]], steps: int = 2) -> None:
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=steps)
    page.mouse.up()


def decode(model, latents: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return torch.sigmoid(model.decode(torch.tensor(latents[None]).float()))[0].numpy()


def encode(model, pixels: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return model.encode(pixels)[0].numpy()


def test_stroke_changes_the_encoding_of_both_models(open_page, address):
    page = open_page(address)
    before = [values(page, "means", card) for card in range(2)]
    draw(page, A_SEVEN)
    expect(page.locator("#source")).to_have_text("Your drawing")
    for card in range(2):
        assert not np.allclose(values(page, "means", card), before[card])
    assert canvas(page, "#seen").max() == 1
    np.testing.assert_allclose(values(page, "latents"), np.maximum(0, values(page, "means")))


def test_drawing_is_encoded_as_pytorch_would(page, built):
    draw(page, A_SEVEN)
    pixels = torch.tensor(values(page, "pixels")[None]).float()
    for card, variant in enumerate(VARIANTS):
        expected = encode(built.models[variant], pixels)[0]
        np.testing.assert_allclose(values(page, "means", card), expected, atol=1e-3)


def test_stroke_replaces_a_test_digit_and_further_strokes_add_to_it(page):
    draw(page, A_SEVEN)
    one = values(page, "pixels")
    draw(page, [(0.3, 0.5), (0.7, 0.5)])
    two = values(page, "pixels")
    assert two.sum() > one.sum()
    page.click("#undo")
    np.testing.assert_allclose(values(page, "pixels"), one)


def test_blank_pad_is_not_encoded(page):
    page.click("#clear")
    expect(page.locator("#readings")).to_contain_text("Routed: \u2013")
    expect(page.locator("#hint")).to_be_visible()
    assert len(values(page, "means")) == 0
    assert canvas(page, "#seen").max() == 0


def test_slider_decodes_to_the_pixels_that_pytorch_gives(open_page, address, built):
    page = open_page(address)
    before = values(page, "latents")
    slider = page.locator("#latent-0-3")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.5 * box["width"], middle)
    page.mouse.down()
    halfway = canvas(page, "[data-variant=routed] .decoded")
    page.mouse.move(box["x"] + 0.9 * box["width"], middle, steps=5)
    dragged = canvas(page, "[data-variant=routed] .decoded")
    page.mouse.up()
    assert not np.array_equal(halfway, dragged)

    latents = values(page, "latents")
    low, high = page.evaluate("Page.cards[0].model.sliders")
    share = slider.evaluate("(s) => s.valueAsNumber / s.max")
    assert latents[3] == pytest.approx(low + share * (high - low), abs=1e-5)
    np.testing.assert_array_equal(np.delete(latents, 3), np.delete(before, 3))
    expected = decode(built.models["routed"], latents)
    np.testing.assert_allclose(values(page, "decoded"), expected, atol=1e-3)
    np.testing.assert_allclose(dragged.ravel(), expected, atol=1 / 255)
    np.testing.assert_array_equal(
        values(page, "latents", 1), np.maximum(0, values(page, "means", 1))
    )


def test_random_digit_comes_from_the_test_split_with_its_label(open_page, address, built):
    page = open_page(address)
    before = page.locator("#source").text_content()
    page.click("#random")
    source = page.locator("#source").text_content()
    assert source != before
    number, label = source.removeprefix("Test digit ").split(", a ")
    assert built.test.labels[int(number)] == int(label)
    pixels = built.test.pixels[[int(number)]]
    np.testing.assert_allclose(values(page, "pixels"), pixels[0], atol=1e-6)
    expected = encode(built.models["routed"], pixels)[0]
    np.testing.assert_allclose(values(page, "means"), expected, atol=1e-3)
    expect(page.locator("[data-variant=routed] .verdict")).to_contain_text(f"labelled {label}")


def test_squared_error_is_that_of_the_pixels(shown):
    stated = float(shown.locator("[data-variant=routed] .squared-error").text_content())
    error = np.sum((values(shown, "decoded") - values(shown, "pixels")) ** 2)
    assert stated == pytest.approx(error, abs=0.051)


def test_next_and_previous_walk_through_the_digits_and_round(shown):
    first = shown.locator("#source").text_content()
    shown.click("#next")
    second = shown.locator("#source").text_content()
    assert second != first
    shown.click("#previous")
    expect(shown.locator("#source")).to_have_text(first)
    shown.click("#previous")
    last = shown.locator("#source").text_content()
    shown.click("#next")
    expect(shown.locator("#source")).to_have_text(first)
    assert last not in {first, second}


def test_misread_digits_are_shown_on_request(page):
    expect(page.locator("#misread-label")).to_contain_text("that Routed misreads")
    page.check("#misread")
    for _ in range(5):
        page.click("#next")
        expect(page.locator("[data-variant=routed] .verdict")).to_contain_text("Wrong")


def test_largest_latent_is_marked(shown):
    (marked,) = shown.locator("[data-variant=routed] .latent.largest").all()
    largest = int(values(shown, "means").argmax())
    expect(marked.locator("label")).to_have_text(str(largest))
    expect(marked.get_by_role("img")).to_have_accessible_name(
        f"Encoding of Digit {largest}: {values(shown, 'means').max():.2f}, the largest"
    )


def test_pure_digit_and_reset_come_from_the_training_images(shown, built):
    for card, model in enumerate(built.models.values()):
        latents = model.activate(torch.from_numpy(encode(model, built.train.pixels)))
        assignment = shown.evaluate("(card) => Page.cards[card].model.assignment", card)
        own = latents_of_places(1, np.argsort(assignment).tolist())
        sliders = read_sliders(latents, built.train.labels, own, (5, 95))
        for digit in (0, 7):
            shown.get_by_role("button", name=f"Pure {digit}").click()
            pure = values(shown, "latents", card)
            np.testing.assert_allclose(pure, sliders.pure[digit], atol=1e-3)
            shown.click("#reset")
            np.testing.assert_allclose(values(shown, "latents", card), sliders.rest, atol=1e-3)
    shown.click("#encode")


def test_sliders_return_to_the_input(shown):
    before = values(shown, "latents")
    shown.click("#reset")
    assert not np.array_equal(values(shown, "latents"), before)
    shown.click("#encode")
    np.testing.assert_array_equal(values(shown, "latents"), before)


def test_morph_plays_from_digit_to_digit_pauses_and_has_a_speed(page):
    page.get_by_role("button", name="Pure 2").click()
    page.locator("#speed").fill("3")
    page.evaluate(
        """() => {
            const state = document.querySelector("#morph-state");
            window.states = [];
            new MutationObserver(() => states.push(state.textContent))
                .observe(state, { childList: true, characterData: true, subtree: true });
        }"""
    )
    page.click("#play")
    page.wait_for_function("states.includes('3 \u2192 4')")  # it is soon over
    moved = values(page, "latents")
    page.click("#play")
    expect(page.locator("#play")).to_have_text("Play")
    paused = values(page, "latents")
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(values(page, "latents"), paused)
    assert not np.array_equal(paused, moved)
    assert page.evaluate("Page.morph.speed") == 3


def test_moving_a_slider_stops_the_morph(shown):
    shown.click("#play")
    expect(shown.locator("#play")).to_have_text("Pause")
    shown.locator("#latent-0-0").press("ArrowRight")
    expect(shown.locator("#play")).to_have_text("Play")
    shown.click("#encode")


def test_everything_is_within_reach_of_the_keyboard(page):
    """Every control that a pointer can use is a stop of the Tab key, or within a group that is."""
    expect(page.locator("#misread")).to_be_enabled()
    page.click("#clear")
    for fold in page.locator("summary").all():
        fold.click()
    page.locator("h1").click()
    controls = """() => [...document.querySelectorAll(
        "a, button, input, select, summary, canvas[tabindex]")]
        .filter((each) => !each.disabled && each.tabIndex >= 0 && each.checkVisibility())"""
    stops = set()
    for _ in range(page.evaluate(f"({controls})().length") + 10):
        page.keyboard.press("Tab")
        stops.add(page.evaluate(f"({controls})().indexOf(document.activeElement)"))
    missed = page.evaluate(f"({controls})().map((each) => each.outerHTML.slice(0, 80))")
    assert [each for i, each in enumerate(missed) if i not in stops] == []


def test_keyboard_alone_draws_browses_and_moves_a_slider(open_page, address):
    page = open_page(address)
    page.locator("#pad").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#source")).to_have_text("Your drawing")
    expect(page.locator("#announcement")).to_contain_text("Your drawing. Routed: reads ")
    lit = np.argwhere(canvas(page, "#seen") > 0.5)
    height, width = np.ptp(lit, axis=0) + 1
    assert height > 3 * width

    page.locator("#random").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#source")).to_contain_text("Test digit")

    page.locator("#latent-0-5").focus()
    before = canvas(page, "[data-variant=routed] .decoded")
    page.keyboard.press("End")
    assert not np.array_equal(canvas(page, "[data-variant=routed] .decoded"), before)


def test_phone_does_not_scroll_under_the_drawing_finger(open_page, address):
    page = open_page(address, **PHONE)
    assert page.evaluate("document.documentElement.scrollHeight > 2 * innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    before = values(page, "means")
    page.locator("#pad").scroll_into_view_if_needed()
    at = page.evaluate("scrollY")
    box = page.locator("#pad").bounding_box()
    x = box["x"] + box["width"] / 2
    touch(page, [(x, box["y"] + part * box["height"]) for part in np.linspace(0.9, 0.1, 9)])
    expect(page.locator("#source")).to_have_text("Your drawing")
    assert page.evaluate("scrollY") == at
    assert not np.allclose(values(page, "means"), before)
    drawn = np.ptp(np.argwhere(canvas(page, "#seen") > 0.5), axis=0) + 1
    assert drawn[0] >= 18, "the browser took the stroke away before it was done"


@pytest.mark.parametrize("width", [320, 390, 720, 820, 1024, 1280, 1920])
def test_page_fits_every_width(shown, width):
    shown.set_viewport_size({"width": width, "height": 700})
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_phone_moves_a_slider_under_the_finger(open_page, built):
    page = open_page(file_address(built), **PHONE)
    slider = page.locator("#latent-0-2")
    slider.scroll_into_view_if_needed()
    at = page.evaluate("scrollY")
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    touch(page, [(box["x"] + part * box["width"], y) for part in np.linspace(0.3, 0.95, 9)])
    assert page.evaluate("scrollY") == at
    script = "(slider) => (slider.value - slider.min) / (slider.max - slider.min)"
    assert slider.evaluate(script) > 0.85


def touch(page: Page, points: list[tuple[float, float]]) -> None:
    """One finger from the first point to the last; what the page does not claim, scrolls."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, at: list[tuple[float, float]]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", points[:1])
    for point in points[1:]:
        send("touchMove", [point])
    send("touchEnd", [])


@pytest.mark.slow
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_page_has_no_accessibility_fault_that_axe_knows(open_page, http_address, size):
    # axe fetches the style sheet, which a browser forbids for files.
    page = open_page(http_address, **size)
    for fold in page.locator("summary").all():
        fold.click()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        violations = Axe().run(page).response["violations"]
        found = [(theme, each["id"], each["nodes"][0]["html"]) for each in violations]
        assert found == []


def test_nothing_jumps_while_the_page_is_used(page):
    tops = """() => [...document.querySelectorAll("section, .look, .latent, button")]
        .filter((each) => each.checkVisibility())
        .map((each) => each.getBoundingClientRect().top + scrollY)"""
    before = page.evaluate(tops)
    page.click("#clear")
    assert page.evaluate(tops) == before
    draw(page, A_SEVEN)
    assert page.evaluate(tops) == before
    page.get_by_role("button", name="Pure 7").click()
    assert page.evaluate(tops) == before


def test_runs_are_named(page, built):
    table = page.locator("#runs")
    expect(table).to_contain_text("baseline")
    page.locator("footer summary").click()
    expect(page.locator("#parameters")).to_contain_text("kl_weight")
    digest = page.evaluate("Page.cards[0].model.weights_sha256")
    expect(page.locator("#parameters")).to_contain_text(digest)


def test_single_variant_fills_the_page_alone(open_page, tmp_path):
    page = open_page(file_address(build_page(tmp_path, ["routed"])))
    expect(page.locator(".model")).to_have_count(1)
    page.get_by_role("button", name="Pure 3").click()
    page.click("#random")
