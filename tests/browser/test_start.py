"""How the page starts: in parts, where a part is missing, and in a browser that is too old."""

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import DESKTOP
from tests.browser.conftest import SERVER, serve
from tests.browser.driving import A_SEVEN, draw, strokes


@pytest.fixture
def bare(browser, built):
    """A page that is not open yet, and may complain."""
    page = browser.new_page(**DESKTOP)
    serve(page, built.folder)
    yield page
    page.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/index.js", "make demo"),
        ("data/test_images.js", "you can still draw"),
    ],
)
def test_missing_file_is_named_or_explained(bare, name, words):
    bare.route(f"**/{name}", lambda route: route.abort())
    bare.goto(SERVER)
    expect(bare.locator("#banner")).to_contain_text(words)


def test_missing_model_can_be_tried_again(bare):
    bare.route("**/baseline-0.js", lambda route: route.abort(), times=1)
    bare.goto(SERVER)
    problem = bare.locator(".model").nth(1).locator(".problem")
    expect(problem).to_contain_text("data/baseline-0.js could not be loaded")
    bare.locator(".again").nth(1).click()
    expect(bare.locator(".model").nth(1)).to_have_attribute("data-state", "ready")


# As those have it that know another format only.
OLD_BROWSER = """window.DecompressionStream = class {
    constructor(format) { if (format !== "gzip") throw new TypeError(format); } }"""


def test_browser_that_is_too_old_is_told_which_would_do(bare):
    bare.add_init_script(OLD_BROWSER)
    bare.goto(SERVER)
    expect(bare.locator("html")).to_have_attribute("data-ready", "false")
    expect(bare.locator("#banner")).to_have_text(
        "This browser is too old. The page needs Chrome or Edge 103, Firefox 113 or Safari 16.4, "
        "or later."
    )
    expect(bare.locator(".model")).to_have_count(0)


def test_pad_draws_before_the_models_are_there(bare):
    held = []
    bare.route("**/data/*-0.js", lambda route: held.append(route))
    bare.goto(SERVER)
    expect(bare.locator(".model")).to_have_count(2)
    expect(bare.locator("#source")).to_contain_text("Test digit")
    draw(bare, A_SEVEN)
    expect(bare.locator("#source")).to_have_text("Your drawing")
    assert len(strokes(bare)) == 1
    for route in held:
        route.fallback()
    bare.wait_for_selector("html[data-ready]")
    expect(bare.locator("#source")).to_have_text("Your drawing")
    expect(bare.locator("#classes")).to_contain_text("Routed: classified as ")
