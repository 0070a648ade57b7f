"""How the page starts: by web server and by double click, in parts, and where a part is missing."""

import shutil

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from tests.browser.chromium import DESKTOP
from tests.browser.conftest import VARIANTS, build_page, file_address
from tests.browser.driving import A_SEVEN, canvas, draw, encode, press_pure, strokes, values


@pytest.fixture
def bare(browser):
    """A page that may complain."""
    context = browser.new_context(**DESKTOP)
    yield context.new_page()
    context.close()


def without(built, folder, name):
    """The address of a copy of the page that lacks a file."""
    shutil.copytree(built.folder, folder / "page")
    (folder / "page" / name).unlink()
    return (folder / "page" / "index.html").as_uri()


def test_page_works_from_a_server_and_by_double_click(open_page, address, built):
    page = open_page(address)
    draw(page, A_SEVEN)
    expect(page.locator("#source")).to_have_text("Your drawing")
    assert canvas(page, "#seen").max() == 1
    pixels = values(page, "pixels")
    for card, variant in enumerate(VARIANTS):
        expected = encode(built.models[variant], torch.tensor(pixels[None]).float())[0]
        np.testing.assert_allclose(values(page, "means", card), expected, atol=1e-3)


def test_single_variant_fills_the_page_alone(open_page, tmp_path):
    page = open_page(file_address(build_page(tmp_path, ["routed"])))
    expect(page.locator(".model")).to_have_count(1)
    press_pure(page, 3)
    page.click("#random")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/index.js", "make demo"),
        ("data.js", "make demo"),
        ("page.js", "make demo"),
        ("data/test_images.js", "you can still draw"),
    ],
)
def test_missing_file_is_named_or_explained(bare, built, tmp_path, name, words):
    bare.goto(without(built, tmp_path, name))
    expect(bare.locator("#banner")).to_contain_text(words)


def test_missing_model_can_be_tried_again(bare, built, tmp_path):
    bare.goto(without(built, tmp_path, "data/baseline-0.js"))
    problem = bare.locator(".model").nth(1).locator(".problem")
    expect(problem).to_contain_text("data/baseline-0.js could not be loaded")
    shutil.copy(built.folder / "data/baseline-0.js", tmp_path / "page" / "data")
    bare.locator(".again").nth(1).click()
    expect(bare.locator(".model").nth(1)).to_have_attribute("data-state", "ready")


OLD_BROWSERS = {
    "no such class": "delete window.DecompressionStream",
    "another format only": """window.DecompressionStream = class {
        constructor(format) { if (format !== "gzip") throw new TypeError(format); } }""",
}


@pytest.mark.parametrize("lack", OLD_BROWSERS.values(), ids=OLD_BROWSERS)
def test_browser_that_is_too_old_is_told_which_would_do(bare, built, lack):
    bare.add_init_script(lack)
    bare.goto(file_address(built))
    expect(bare.locator("html")).to_have_attribute("data-ready", "false")
    expect(bare.locator("#banner")).to_have_text(
        "This browser is too old. The page needs Chrome or Edge 103, Firefox 113 or Safari 16.4, "
        "or later."
    )
    expect(bare.locator(".model")).to_have_count(0)


def test_pad_draws_before_the_models_are_there(bare, http_address):
    held = []
    bare.route("**/data/*-0.js", lambda route: held.append(route))
    bare.goto(http_address)
    expect(bare.locator(".model")).to_have_count(2)
    expect(bare.locator("#source")).to_contain_text("Test digit")
    draw(bare, A_SEVEN)
    expect(bare.locator("#source")).to_have_text("Your drawing")
    assert len(strokes(bare)) == 1
    for route in held:
        route.continue_()
    bare.wait_for_selector("html[data-ready]")
    expect(bare.locator("#source")).to_have_text("Your drawing")
    expect(bare.locator("#classes")).to_contain_text("Routed: classified as ")


def test_scripts_share_one_name_and_nothing_is_inline(built):
    lines = [line for path in built.folder.glob("*.js") for line in path.read_text().splitlines()]
    words = ("const ", "let ", "var ", "class ", "function ", "async ")
    assert [line for line in lines if line.startswith(words)] == ["const Demo = {};"]
    source = (built.folder / "index.html").read_text()
    assert " style=" not in source
    assert " onclick" not in source


INLINE_SCRIPT = """() => new Promise((done) => {
    document.addEventListener("securitypolicyviolation", (event) =>
        done([event.effectiveDirective, window.hasRun ?? false]));
    const script = document.createElement("script");
    script.textContent = "window.hasRun = true";
    document.head.append(script);
    if (window.hasRun) done("it ran");
})"""


def test_page_runs_no_script_but_its_own_files(bare, address):
    bare.goto(address)
    bare.wait_for_selector("html[data-ready]")
    assert bare.evaluate(INLINE_SCRIPT) == ["script-src-elem", False]
