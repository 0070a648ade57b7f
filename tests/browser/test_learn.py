"""The explanation: each step shows what it says, of each method."""

import re

from playwright.sync_api import expect

from tests.browser.driving import ROUTED, label_of

# The latents of one side whose arrow back to the encoder is to be seen.
LIT = """(side) => [...document.querySelectorAll("#learn .side")[side]
    .querySelectorAll(".backward.encoder[data-latent]")]
    .filter((arrow) => getComputedStyle(arrow).opacity > 0)
    .map((arrow) => Number(arrow.dataset.latent))"""


def step_to(page, name):
    for _ in range(10):
        if page.locator("#learn").get_attribute("data-step") == name:
            return
        page.click("#learn .forth")
    raise AssertionError(name)


def test_gradient_reaches_the_label_latent_only_and_all_without_routing(shown):
    for step in ("image", "error"):
        step_to(shown, step)
        assert shown.evaluate(LIT, 0) == shown.evaluate(LIT, 1) == []
    step_to(shown, "through")
    for _ in range(2):
        label = label_of(shown)
        assert shown.evaluate(LIT, 0) == [label]
        assert shown.evaluate(LIT, 1) == list(range(10))
        sentence = f"only the label latent, {label},"
        expect(shown.locator("#learn .sentence")).to_contain_text(sentence)
        shown.click("#next")


def test_explanation_plays_steps_and_goes_back(shown):
    step_to(shown, "image")
    shown.click("#learn .play")
    expect(shown.locator("#learn")).to_have_attribute("data-step", "encode")
    expect(shown.locator("#learn .play")).to_have_text("Pause")
    shown.click("#learn .back")
    expect(shown.locator("#learn .play")).to_have_text("Play")
    expect(shown.locator("#learn .count")).to_have_text("1 of 7")
    code = shown.locator("#route-gradient").text_content()
    assert "torch.lerp(latents.detach(), latents, shares.to(latents.dtype))" in code


def test_step_outlines_what_it_speaks_of_on_the_page_and_buttons_go_there_and_back(shown):
    shown.emulate_media(reduced_motion="reduce")  # so that the page does not glide there
    marked = shown.locator(".spoken-of")
    parts = {
        "image": "#pad",
        "encode": "#latent-0-0",
        "error": f"{ROUTED} figure:last-child",
        "through": "#live-mask",
        "many": f"#latent-0-{label_of(shown)}",
    }
    for step, control in parts.items():
        step_to(shown, step)
        shown.locator("#go-there").press("Enter")
        expect(shown.locator(control)).to_be_focused()
        expect(shown.locator(control)).to_be_in_viewport()
        expect(marked).to_have_count(1)
        script = "(part, control) => part.contains(document.querySelector(control))"
        assert marked.evaluate(script, control)
        assert shown.evaluate("document.getAnimations().length") == 0
        shown.locator("#go-back").press("Enter")
        expect(shown.locator("#go-there")).to_be_focused()
        expect(shown.locator("#learn .sentence")).to_be_in_viewport()
        expect(shown.locator("#go-back")).to_be_hidden()
    shown.click("#random")  # whoever uses the page has left the steps
    expect(marked).to_have_count(0)
    shown.click("#learn .back")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("Floor")


def test_example_has_the_numbers_of_a_model_of_the_method(shown):
    whose = shown.locator("#learn .whose")
    expect(whose.first).to_have_text("with the numbers of Routed, seed 0")
    expect(whose.last).to_have_text("with the numbers of Baseline, seed 0")
    shown.locator(".choose").first.select_option("routed-1")
    expect(whose.first).to_have_text("with the numbers of Routed, seed 1")


EXPLAIN = """(entry) => { window.figure = new Demo.Learn.Figure(
    document.getElementById("learn"), [entry], Demo.Data.peek("index")); figure.label = 4; }"""
AT = "(step) => { figure.at = step; figure.show(); }"


def test_gate_is_explained_with_its_floor_and_ceiling(shown):
    entry = {"variant": "gated", "method": "gated", "floor": 5, "ceiling": 1.5, "name": "x"}
    shown.evaluate(EXPLAIN, entry | {"blocked_gradient_scale": -3})
    shown.evaluate(AT, 4)
    label = int(shown.locator("#learn .side .own").first.get_attribute("data-latent"))
    assert shown.evaluate(LIT, 0) == [label]
    shown.evaluate(AT, 5)
    sentence = shown.locator("#learn .sentence")
    expect(sentence).to_contain_text("reversed, times 3")
    expect(sentence).to_contain_text("latent 4 down while below its floor of 5")
    expect(sentence).to_contain_text("another up while above its ceiling of 1.5")
    entry |= {"doubt_margin": 3, "floor": None, "amplified_gradient_scale": 30}
    shown.evaluate(EXPLAIN, entry | {"blocked_gradient_scale": 0})
    shown.evaluate(AT, 5)
    expect(sentence).to_contain_text("while latent 4 leads all others by less than 3, a gradient")
    expect(sentence).to_contain_text("reduce the lead is ignored (latent 4 down, or another up")
    expect(sentence).to_contain_text("increase it is multiplied by 30")
    assert set(shown.evaluate(LIT, 0)) == set(range(10))  # of two figures, the page's and this one
    expect(shown.locator("#route-gradient")).to_contain_text("high & (gradient < 0)")


def test_every_method_has_seven_steps_of_one_sentence_each(shown):
    script = """() => Object.keys(Demo.METHODS).filter((method) => method !== "none")
        .map((method) => Demo.Learn.STEPS.map(({ text }) => text(4, method, {})))"""
    for sentences in shown.evaluate(script):
        assert len(set(sentences)) == 7
        assert all(len(re.findall(r"[.!?](?:\s|$)", each)) == 1 for each in sentences)
