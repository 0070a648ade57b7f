"""What the page shows and decides by, against Python's numbers, and what moves the sliders."""

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from grvae.measure.out_of_distribution import reconstruction_error
from grvae.measure.sliders import latents_of_places, read_sliders
from tests.browser.conftest import HANDMADE, HANDMADE_LABELS
from tests.browser.driving import ROUTED, canvas, decode, encode, press_pure, values

PLAIN, SWAPPED = "[data-variant=plain]", "[data-variant=swapped]"


@pytest.fixture(scope="module")
def plain(tabs, handmade):
    """The page of the hand-made models."""
    with tabs.opened(handmade, handmade.address) as page:
        yield page


def show(page, image):
    page.evaluate("(image) => Demo.Input.showImage(image)", image)


def test_image_is_classified_by_its_largest_mean(plain):
    """The largest by its absolute value is another one each time."""
    for image in (0, 9, 10, 11):
        largest, value, second, less = HANDMADE[image]
        show(plain, image)
        (marked,) = plain.locator(f"{PLAIN} .latent.largest").all()
        expect(marked.locator("label")).to_have_text(str(largest))
        expect(marked.get_by_role("img")).to_have_accessible_name(
            f"Encoding of Digit {largest}: {value - 0.5:.2f}, the largest"
        )
        expect(plain.locator(f"{PLAIN} .answer")).to_have_text(str(largest))
        margin = value - less
        words = f"{'Low margin' if margin < 0.08 else 'Margin'} over {second}: {margin:.2f}"
        expect(plain.locator(f"{PLAIN} .margin")).to_have_text(words)
        isright = "Right" if largest == HANDMADE_LABELS[image] else "Wrong"
        expect(plain.locator(f"{PLAIN} .verdict")).to_contain_text(isright)
    expect(plain.locator("#classes")).to_contain_text("Plain: classified as 7, low margin over 1")


def test_latents_that_nothing_names_stand_for_the_digits_that_they_fit(plain):
    show(plain, 0)
    expect(plain.locator(f"{SWAPPED} .answer")).to_have_text("1")
    reason = "Latent 0 is the largest; it fits 1 best"
    expect(plain.locator(f"{SWAPPED} .reason")).to_have_text(reason)
    expect(plain.locator(f"{SWAPPED} .margin")).to_contain_text("over 0")
    expect(plain.locator("label[for=latent-1-0]")).to_have_text("0fits 1")


def test_error_that_decides_is_that_of_the_activated_means_over_all_pixels(plain, handmade):
    error = reconstruction_error(handmade.models["plain"], handmade.test.pixels[:1]).item()
    script = """(limit) => { const [{ model }] = Demo.state.cards;
        model.limits = { ...model.limits, high_error: limit }; Demo.Input.showImage(0); }"""
    plain.evaluate(script, error - 0.1)
    words = "Out of distribution: large reconstruction error"
    expect(plain.locator(f"{PLAIN} .margin")).to_have_text(words)
    expect(plain.locator(f"{PLAIN} .answer")).to_have_text("0?")
    expect(plain.locator("#classes")).to_contain_text("classified as 0, but out of distribution")
    plain.evaluate(script, error + 0.1)
    expect(plain.locator(f"{PLAIN} .margin")).to_contain_text("Margin over")
    stated = float(plain.locator(f"{PLAIN} .squared-error").text_content())
    assert stated == pytest.approx(error, abs=0.051)
    plain.evaluate(script, 999)


def test_explanation_shows_what_is_decoded_from_the_activated_means(plain, handmade):
    show(plain, 4)
    latents = np.maximum(0, encode(handmade.models["plain"], handmade.test.pixels[4:5])[0])
    expected = decode(handmade.models["plain"], latents).reshape(28, 28)
    np.testing.assert_allclose(canvas(plain, f"{PLAIN} .reconstruction"), expected, atol=1 / 255)
    picture = plain.locator(f"{PLAIN} .reconstruction").evaluate("(canvas) => canvas.toDataURL()")
    expect(plain.locator("#learn .picture-out").first).to_have_attribute("href", picture)
    latents = np.abs(encode(handmade.models["swapped"], handmade.test.pixels[4:5])[0])
    bars = plain.locator("#learn .side").last.locator(".latent-bar")
    widths = bars.evaluate_all("(all) => all.map((bar) => Number(bar.getAttribute('width')))")
    np.testing.assert_allclose(widths / np.max(widths), latents / latents.max(), atol=1e-2)


def test_intervention_changes_activated_latents_and_tells_what_came_of_it(plain):
    show(plain, 7)
    card = plain.locator(PLAIN)
    card.locator("summary").click()
    before, effect = values(plain, "latents"), card.locator(".effect")
    card.locator(".swap").click()
    swapped = values(plain, "latents")
    assert (swapped[7], swapped[1]) == (before[1], before[7])
    expect(effect).to_contain_text("Latents 7 and 1 swapped: the decoded image is")
    expect(effect).to_contain_text("now classified as 1")
    expect(effect).to_contain_text("before as 7")
    expect(effect).to_contain_text("squared error")
    card.locator(".copy").click()
    expect(effect).to_contain_text("Latent 7 copied from test digit")
    assert values(plain, "latents")[7] == 0  # of a 3, whose mean there is below 0
    plain.evaluate("Demo.state.cards[0].setLatents(new Float32Array(10).fill(0.3))")
    card.locator(".to-median").click()
    median = plain.evaluate("Demo.state.cards[0].model.latents.rest[7]")
    assert values(plain, "latents")[7] == pytest.approx(median)
    expect(effect).to_contain_text("Latent 7 at its median")


def test_misclassified_images_are_shown_on_request(plain):
    label = plain.locator("#misclassified-label")
    expect(label).to_have_text("Only the 2 that Plain misclassifies")
    plain.check("#misclassified")
    seen = set()
    for _ in range(3):
        plain.click("#next")
        expect(plain.locator(f"{PLAIN} .verdict")).to_contain_text("Wrong")
        seen.add(plain.locator("#source").text_content())
    assert seen == {"Test digit 10, a 3", "Test digit 11, a 1"}
    plain.locator(".choose").first.select_option("swapped-0")
    expect(label).to_have_text("Only the 4 that Swapped misclassifies")


def test_slider_decodes_to_the_pixels_that_pytorch_gives(shown, built):
    shown.click("#encode")
    before = values(shown, "latents")
    slider = shown.locator("#latent-0-3")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    shown.mouse.move(box["x"] + 0.5 * box["width"], middle)
    shown.mouse.down()
    halfway = canvas(shown, f"{ROUTED} .decoded")
    shown.mouse.move(box["x"] + 0.9 * box["width"], middle, steps=5)
    dragged = canvas(shown, f"{ROUTED} .decoded")
    shown.mouse.up()
    assert not np.array_equal(halfway, dragged)

    latents = values(shown, "latents")
    low, high = shown.evaluate("Demo.state.cards[0].model.sliders")
    share = slider.evaluate("(slider) => slider.valueAsNumber / slider.max")
    assert latents[3] == pytest.approx(low + share * (high - low), abs=1e-5)
    np.testing.assert_array_equal(np.delete(latents, 3), np.delete(before, 3))
    expected = decode(built.models["routed"], latents)
    np.testing.assert_allclose(dragged.ravel(), expected, atol=1 / 255)
    error = np.sum((expected - values(shown, "pixels")) ** 2)
    stated = float(shown.locator(f"{ROUTED} .squared-error").text_content())
    assert stated == pytest.approx(error, abs=0.06)
    np.testing.assert_array_equal(
        values(shown, "latents", 1), np.maximum(0, values(shown, "means", 1))
    )


def test_pure_digits_and_medians_come_from_the_training_images(shown, built):
    shown.click("#encode")
    encoded, note = values(shown, "latents"), shown.locator(f"{ROUTED} .at-medians")
    reconstruction = canvas(shown, f"{ROUTED} .reconstruction")
    for card, model in enumerate(built.models.values()):
        latents = model.activate(torch.from_numpy(encode(model, built.train.pixels)))
        assignment = shown.evaluate("(card) => Demo.state.cards[card].model.assignment", card)
        own = latents_of_places(1, np.argsort(assignment).tolist())
        sliders = read_sliders(latents, built.train.labels, own, (5, 95))
        press_pure(shown, 7)
        pure = values(shown, "latents", card)
        np.testing.assert_allclose(pure, sliders.pure[7], atol=1e-3)
        expect(note).to_be_hidden()
        shown.click("#reset")
        np.testing.assert_allclose(values(shown, "latents", card), sliders.rest, atol=1e-3)
        expect(note).to_be_visible()
    assert not np.array_equal(canvas(shown, f"{ROUTED} .decoded"), reconstruction)
    np.testing.assert_array_equal(canvas(shown, f"{ROUTED} .reconstruction"), reconstruction)
    shown.click("#encode")
    np.testing.assert_array_equal(values(shown, "latents"), encoded)
    np.testing.assert_array_equal(canvas(shown, f"{ROUTED} .decoded"), reconstruction)


def test_every_slider_reaches_both_ends_and_shows_where_the_encoding_lies_beyond(shown):
    ends = shown.evaluate("Demo.state.cards[0].model.sliders")
    for key, end in zip(("Home", "End"), ends, strict=True):
        for latent in range(10):
            shown.locator(f"#latent-0-{latent}").press(key)
        np.testing.assert_allclose(values(shown, "latents"), end, atol=1e-5)
    shown.evaluate("Demo.state.cards[0].setLatents(new Float32Array(10).fill(99))")
    expect(shown.locator(f"{ROUTED} .latent.beyond")).to_have_count(10)
    expect(shown.locator("#latent-0-0")).to_have_attribute(
        "aria-valuetext", "99.00, beyond the slider\u2019s end"
    )
    shown.click("#encode")


def test_morph_plays_from_digit_to_digit_quietly_and_stops_for_a_slider(shown):
    press_pure(shown, 2)
    shown.locator("#speed").fill("3")
    shown.evaluate(
        """() => { window.writes = 0;
            new MutationObserver((all) => { writes += all.length; })
                .observe(document.body, { subtree: true, attributes: true,
                    attributeFilter: ["aria-label", "aria-valuetext", "aria-pressed"] }); }"""
    )
    shown.click("#play")
    expect(shown.locator("#morph-state")).to_have_text(re.compile("[3-8] \u2192 [4-9]"))
    during = shown.evaluate("writes")  # for assistive technology
    assert during < 20
    moved = values(shown, "latents")
    shown.click("#play")
    expect(shown.locator("#play")).to_have_text("Play")
    assert shown.evaluate("writes") > during
    paused = values(shown, "latents")
    assert not np.array_equal(paused, moved)
    shown.evaluate("new Promise(requestAnimationFrame)")
    np.testing.assert_array_equal(values(shown, "latents"), paused)
    shown.click("#play")
    shown.locator("#latent-0-0").press("ArrowRight")
    expect(shown.locator("#play")).to_have_text("Play")


def test_models_are_chosen_added_and_removed_and_loaded_only_then(open_page, built):
    page = open_page(built.address)
    loaded = "[...document.scripts].map(({ src }) => src).filter((src) => src.includes('/data/'))"
    names = [src.rpartition("/")[2] for src in page.evaluate(loaded)]
    assert sorted(names) == ["baseline-0.js", "index.js", "routed-0.js", "test_images.js"]
    page.locator(".choose").nth(1).select_option("baseline-1")
    expect(page.locator(".model").nth(1)).to_have_attribute("data-name", "baseline-1")
    assert len(page.evaluate(loaded)) == len(names) + 1
    expect(page.locator("#classes")).to_contain_text("Baseline: classified as")
    page.click("#add")
    expect(page.locator(".model[data-state=ready]")).to_have_count(3)
    expect(page.locator("#runs thead th")).to_have_count(4)
    page.locator(".model .remove").first.click()
    expect(page.locator(".model")).to_have_count(2)
    page.locator("footer summary").click()
    expect(page.locator("#parameters")).to_contain_text("kl_weight")
    digest = page.evaluate("Demo.state.cards[0].model.weights_sha256")
    expect(page.locator("#parameters")).to_contain_text(digest)


def test_picture_of_a_traversal_sets_the_sliders(shown):
    script = "(end) => Demo.state.cards[0].model.latents[end]"
    rest, low, high = (
        np.array(shown.evaluate(script, end)) for end in ("rest", "own_low", "own_high")
    )
    moved = int(np.argmax(high - low))
    cell = shown.locator(".atlas[data-name=routed-0] .cell").nth(9 * moved + 8)
    cell.click()
    rest[moved] = high[moved]
    np.testing.assert_allclose(values(shown, "latents"), rest, atol=1e-6)
    pictured = cell.locator("canvas").evaluate("(canvas) => canvas.toDataURL()")
    decoded = shown.locator(f"{ROUTED} .decoded").evaluate("(canvas) => canvas.toDataURL()")
    assert pictured == decoded
    cell.press("ArrowLeft")
    shown.keyboard.press("Enter")
    assert values(shown, "latents")[moved] < high[moved]


def test_map_places_digits_by_their_means_and_loads_the_one_that_is_clicked(shown):
    shown.locator("#map").scroll_into_view_if_needed()
    expect(shown.locator(".map-note")).to_contain_text("Choose one")
    shown.get_by_label("Across").select_option("2")
    xs, means = shown.evaluate(
        "[Demo.Models.map.points.map(({ x }) => x), Demo.Models.map.means.map((mean) => mean[2])]"
    )
    assert np.corrcoef(xs, means)[0, 1] == pytest.approx(1)
    x, y = shown.evaluate("[Demo.Models.map.points[5].x, Demo.Models.map.points[5].y]")
    nearest = shown.evaluate("(to) => Demo.Models.map.nearest(to)", {"x": x, "y": y})
    number = shown.evaluate("(at) => Demo.state.images.numbers[at]", nearest)
    chart = shown.locator("#map canvas")
    width = chart.bounding_box()["width"]
    chart.click(position={"x": x * width / 720, "y": y * width / 720})
    expect(shown.locator("#source")).to_contain_text(f"Test digit {number}, ")
    chart.press("ArrowRight")
    shown.keyboard.press("Enter")
    expect(shown.locator("#source")).not_to_contain_text(f"Test digit {number}, ")
