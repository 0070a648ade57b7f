"""What the page shows of the method, beyond reading and drawing: each part does what it says."""

import json
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from benchmarks import strokes
from tests.browser.conftest import file_address
from tests.browser.test_page import canvas, decode, draw, values


def lit_arrows(page: Page, side: int) -> list[int]:
    """The latents whose arrow back to the encoder is to be seen."""
    script = """(side) => [...document.querySelectorAll("#learn .side")[side]
        .querySelectorAll(".backward.encoder[data-latent]")]
        .filter((arrow) => getComputedStyle(arrow).opacity > 0)
        .map((arrow) => Number(arrow.dataset.latent))"""
    return page.evaluate(script, side)


def step_to(page: Page, name: str) -> None:
    for _ in range(10):
        if page.locator("#learn").get_attribute("data-step") == name:
            return
        page.click("#learn .forth")
    raise AssertionError(name)


def test_gradient_reaches_the_label_s_latent_only_and_all_without_routing(page):
    label = int(page.locator("#source").text_content()[-1])
    assert lit_arrows(page, 0) == lit_arrows(page, 1) == []
    step_to(page, "error")
    assert lit_arrows(page, 0) == lit_arrows(page, 1) == []
    step_to(page, "through")
    assert lit_arrows(page, 0) == [label]
    assert lit_arrows(page, 1) == list(range(10))
    expect(page.locator("#learn .sentence")).to_contain_text(f"only latent {label}")
    page.click("#next")
    label = int(page.locator("#source").text_content()[-1])
    assert lit_arrows(page, 0) == [label]


def test_explanation_plays_steps_and_goes_back(page):
    page.click("#learn .play")
    expect(page.locator("#learn")).to_have_attribute("data-step", "encode")
    expect(page.locator("#learn .play")).to_have_text("Pause")
    page.click("#learn .back")
    expect(page.locator("#learn .play")).to_have_text("Play")
    expect(page.locator("#learn .count")).to_have_text("1 of 7")
    sentences = []
    for _ in range(7):
        sentences.append(page.locator("#learn .sentence").text_content())
        page.click("#learn .forth")
    assert len(set(sentences)) == 7
    assert all(len(re.findall(r"[.!?](?:\s|$)", each)) == 1 for each in sentences)


def test_reduced_motion_stops_the_arrows(open_page, built):
    page = open_page(file_address(built), reduced_motion="reduce")
    step_to(page, "through")
    assert page.evaluate("document.getAnimations().length") == 0


def test_function_is_shown_as_it_is_in_the_code(shown):
    shown = shown.locator("#route-gradient").text_content()
    assert "def route_gradient" in shown
    assert "torch.lerp(latents.detach(), latents, shares)" in shown


def test_gate_is_explained_with_its_floor_and_ceiling(page):
    entry = {"variant": "gated", "method": "gated", "floor": 5, "ceiling": 1.5, "name": "x"}
    entry |= {"blocked_share": -3}
    page.evaluate(
        """(entry) => { window.figure = new Routing.Figure(
            document.getElementById("learn"), [entry], Data.peek("index")); }""",
        entry,
    )
    page.evaluate("figure.digit = 4; figure.at = 4; figure.show()")
    assert lit_arrows(page, 0) == [
        int(page.locator("#learn .side .own").first.get_attribute("data-latent"))
    ]
    page.evaluate("figure.at = 5; figure.show()")
    sentence = page.locator("#learn .sentence")
    expect(sentence).to_contain_text("turned round, 3 times as strong")
    expect(sentence).to_contain_text("latent 4 down while below its floor of 5")
    expect(sentence).to_contain_text("another up while above its ceiling of 1.5")
    assert set(lit_arrows(page, 0)) == set(range(10))  # of two figures, the page's and this one
    expect(page.locator("#route-gradient")).to_contain_text("is_high & (gradient < 0)")


def test_picture_of_a_latent_sets_the_sliders(page, built):
    low, high = (
        np.array(page.evaluate(f"Page.cards[0].model.latents.own_{end}")) for end in ("low", "high")
    )
    moved = int(np.argmax(high - low))
    cell = page.locator(".atlas[data-name=routed-0] .cell").nth(9 * moved + 8)
    cell.click()
    latents = values(page, "latents")
    rest = np.array(page.evaluate("Page.cards[0].model.latents.rest"))
    rest[moved] = high[moved]
    np.testing.assert_allclose(latents, rest, atol=1e-6)
    expected = decode(built.models["routed"], latents)
    np.testing.assert_allclose(
        canvas(page, "[data-variant=routed] .decoded").ravel(), expected, atol=1 / 255
    )
    cell.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert values(page, "latents")[moved] < high[moved]


def test_map_loads_the_digit_that_is_clicked(page):
    page.locator("#map").scroll_into_view_if_needed()
    page.wait_for_function("Page.map.points.length > 0")
    assert page.evaluate("Page.map.points.length") == page.evaluate(
        "Data.peek('digits').labels.length"
    )
    target = 5
    x, y = page.evaluate("(at) => [Page.map.points[at].x, Page.map.points[at].y]", target)
    nearest = page.evaluate("(to) => Page.map.nearest(to)", {"x": x, "y": y})
    chart = page.locator("#map canvas")
    width = chart.bounding_box()["width"]
    chart.click(position={"x": x * width / 720, "y": y * width / 720})
    number = page.evaluate("(at) => Data.peek('digits').numbers[at]", nearest)
    expect(page.locator("#source")).to_contain_text(f"Test digit {number}, ")
    chart.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#source")).not_to_contain_text(f"Test digit {number}, ")


def test_map_of_two_latents_has_their_means_as_places(page):
    page.locator("#map").scroll_into_view_if_needed()
    page.wait_for_function("Page.map.points.length > 0")
    page.get_by_label("Across").select_option("2")
    xs = page.evaluate("Page.map.points.map((point) => point.x)")
    means = page.evaluate("Page.map.means.map((mean) => mean[2])")
    assert np.corrcoef(xs, means)[0, 1] == pytest.approx(1)


def test_intervention_moves_what_it_says_and_tells_what_came_of_it(page):
    card = page.locator("[data-variant=routed]")
    card.locator(".intervene summary").click()
    before = values(page, "latents")
    card.locator(".swap").click()
    swapped = values(page, "latents")
    assert (swapped[7], swapped[1]) == (before[1], before[7])
    effect = card.locator(".effect")
    expect(effect).to_contain_text("Latents 7 and 1 swapped: the drawing is")
    expect(effect).to_contain_text("squared error")
    card.locator(".to-rest").click()
    assert values(page, "latents")[7] == pytest.approx(
        page.evaluate("Page.cards[0].model.latents.rest[7]")
    )
    card.locator(".copy").click()
    expect(effect).to_contain_text("Latent 7 copied from test digit")


def test_reconstruction_stays_while_the_sliders_draw_something_else(shown):
    before = canvas(shown, "[data-variant=routed] .reconstruction")
    np.testing.assert_array_equal(canvas(shown, "[data-variant=routed] .decoded"), before)
    shown.get_by_role("button", name="Pure 1").click()
    np.testing.assert_array_equal(canvas(shown, "[data-variant=routed] .reconstruction"), before)
    assert not np.array_equal(canvas(shown, "[data-variant=routed] .decoded"), before)
    shown.click("#encode")


def test_reading_says_the_runner_up_and_its_lead(shown):
    means = np.sort(values(shown, "means"))
    lead = f"{means[-1] - means[-2]:.2f} ahead of"
    expect(shown.locator("[data-variant=routed] .doubt")).to_contain_text(lead)
    words = """(reading) => Model.inWords({ digit: 8, runnerUp: 3, ...reading })"""
    assert shown.evaluate(words, {"close": True}) == "8, closely 3"
    assert shown.evaluate(words, {"close": False}) == "8"
    assert shown.evaluate(words, {"strange": "x"}) == "8, but unlike any training image"


def test_dot_is_unlike_any_training_image(page):
    draw(page, [(0.5, 0.5)])
    expect(page.locator("[data-variant=routed] .doubt")).to_contain_text("less ink")
    expect(page.locator("#readings")).to_contain_text("unlike any training image")


def test_rest_is_explained_beside_the_picture(shown):
    note = shown.locator("[data-variant=routed] .at-rest")
    expect(note).to_be_hidden()
    shown.click("#reset")
    expect(note).to_be_visible()
    shown.click("#encode")
    expect(note).to_be_hidden()


def test_models_are_chosen_added_and_removed_and_loaded_only_then(page):
    loaded = "[...document.scripts].map((each) => each.src.split('/').pop())"
    assert "baseline-1.js" not in page.evaluate(loaded)
    page.locator(".choose").nth(1).select_option("baseline-1")
    expect(page.locator(".model").nth(1)).to_have_attribute("data-name", "baseline-1")
    assert "baseline-1.js" in page.evaluate(loaded)
    expect(page.locator("#readings")).to_contain_text("Baseline: reads")
    page.click("#add")
    expect(page.locator(".model[data-state=ready]")).to_have_count(3)
    expect(page.locator("#runs thead th")).to_have_count(4)
    page.locator(".model .remove").first.click()
    expect(page.locator(".model")).to_have_count(2)


def test_link_carries_a_drawing_its_sliders_and_models(open_page, built):
    page = open_page(file_address(built))
    page.locator(".choose").nth(1).select_option("routed-1")
    expect(page.locator(".model").nth(1)).to_have_attribute("data-name", "routed-1")
    draw(page, [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.8)])
    page.locator("#latent-0-2").press("End")
    page.click("#copy-link")
    expect(page.locator("#copied")).not_to_be_empty()
    other = open_page(page.url)
    assert other.locator(".model").nth(1).get_attribute("data-name") == "routed-1"
    np.testing.assert_allclose(values(other, "pixels"), values(page, "pixels"), atol=0.06)
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-3)


def clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


def test_copied_link_shows_what_the_switches_say(open_page, http_address):
    page = open_page(http_address, **CLIPBOARD)
    page.get_by_role("button", name="Pure 3").click()
    page.locator("#view").select_option("atlas")
    page.check("#embed")
    page.click("#copy-link")
    expect(page.locator("#copied")).to_have_text("Link copied")
    link = clipboard(page)
    other = open_page(link)
    expect(other.locator("#atlas")).to_be_visible()
    for hidden in ("#try", "#learn", "#map", "#about", "h1"):
        expect(other.locator(hidden)).to_be_hidden()
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-6)


def test_ten_numbers_of_each_model_are_copied(open_page, http_address):
    page = open_page(http_address, **CLIPBOARD)
    page.locator("#latent-0-4").press("End")
    page.click("#copy-numbers")
    expect(page.locator("#copied")).to_have_text("Numbers copied")
    lines = dict(line.split(": ") for line in clipboard(page).split("\n"))
    assert list(lines) == ["routed-0", "baseline-0"]
    for card, numbers in enumerate(lines.values()):
        copied = np.array(numbers.split(" "), float)
        np.testing.assert_allclose(copied, values(page, "latents", card), atol=5.1e-4)


def test_example_has_the_numbers_of_a_model_of_the_method(page):
    whose = page.locator("#learn .whose")
    expect(whose.first).to_have_text("with the numbers of Routed, seed 0")
    expect(whose.last).to_have_text("with the numbers of Baseline, seed 0")
    page.locator(".choose").first.select_option("routed-1")
    expect(whose.first).to_have_text("with the numbers of Routed, seed 1")


def test_embedded_link_shows_one_view_alone(open_page, built):
    page = open_page(file_address(built) + "#p=3&view=map&embed=1")
    expect(page.locator("#map")).to_be_visible()
    for hidden in ("#try", "#learn", "#about", "h1"):
        expect(page.locator(hidden)).to_be_hidden()


@pytest.mark.parametrize("hash_", ["#m=nobody&d=99999999&s=!!&z0=a_b&view=x", "#%%%", "#s=AAAAA"])
def test_broken_link_opens_the_page_all_the_same(open_page, built, hash_):
    page = open_page(file_address(built) + hash_)
    expect(page.locator(".model[data-state=ready]")).to_have_count(2)


def test_strokes_of_every_style_survive_a_link(shown):
    """Within a twentieth of a grey level's range, though a link leaves points out."""
    drawn = [each.strokes for each in strokes.drawings()][::7]
    script = """(text) => JSON.stringify(JSON.parse(text).map((strokes) => {
        const points = strokes.map((stroke) => stroke.map(([x, y]) => Pad.at(x, y)));
        const hash = Share.write({ strokes: points });
        const back = Share.read(hash).strokes;
        const [one, two] = [Ink.toImage(points), Ink.toImage(back)];
        return [hash.length, Math.max(...one.map((each, i) => Math.abs(each - two[i])))];
    }))"""
    answers = np.array(json.loads(shown.evaluate(script, json.dumps(drawn))))
    assert answers[:, 0].max() < 600
    assert np.quantile(answers[:, 1], 0.9) < 0.1


def test_drawings_are_read_in_the_page_as_in_python(page, built):
    """One drawing a digit, by pointer: the page reads what Python reads of the same strokes."""
    wanted = {each.digit: each for each in strokes.drawings() if each.style.endswith("slanted")}
    for drawing in wanted.values():
        quick = [[*stroke[:-1:6], stroke[-1]] for stroke in drawing.strokes]
        page.click("#clear")
        for stroke in quick:
            draw(page, stroke, steps=1)
        pixels = values(page, "pixels")
        expected = strokes.rasterise(quick)
        assert np.abs(pixels - expected).mean() < 0.02
        with torch.no_grad():
            means = built.models["routed"].encode(torch.tensor(pixels[None]).float())[0][0]
        assert page.evaluate("Page.cards[0].reading.largest") == int(means.argmax())
