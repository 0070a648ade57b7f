"""What goes wrong on other screens, with other hands and without parts of the page."""

import shutil

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from grvae.use.server import HEADERS
from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.conftest import file_address
from tests.browser.test_page import A_SEVEN, draw, values
from tests.conftest import PROJECT


def strokes(page) -> list[int]:
    return page.evaluate("Page.pad.strokes.map((stroke) => stroke.length)")


def hover_pad(page, x: float, y: float) -> None:
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)


def test_undo_during_a_stroke_drops_it_and_joins_nothing(page):
    draw(page, A_SEVEN)
    seven = values(page, "pixels")
    hover_pad(page, 0.3, 0.5)
    page.mouse.down()
    hover_pad(page, 0.5, 0.5)
    page.keyboard.press("Control+z")
    hover_pad(page, 0.7, 0.5)
    page.mouse.up()
    assert len(strokes(page)) == 1
    np.testing.assert_array_equal(values(page, "pixels"), seven)


def test_space_after_drawing_draws_no_dot(page):
    draw(page, A_SEVEN)
    seven = values(page, "pixels")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    page.click("#clear")
    draw(page, A_SEVEN)
    page.keyboard.press("Space")
    page.locator("#random").focus()
    np.testing.assert_array_equal(values(page, "pixels"), seven)
    assert len(strokes(page)) == 1


def test_undo_brings_back_what_was_cleared_or_replaced_down_to_the_test_digit(page):
    source = page.locator("#source")
    first = source.text_content()
    draw(page, A_SEVEN)
    page.click("#clear")
    expect(source).to_have_text("Empty pad")
    page.click("#undo")
    assert len(strokes(page)) == 1
    page.click("#random")
    page.keyboard.press("Control+z")
    expect(source).to_have_text("Your drawing")
    page.click("#undo")
    expect(source).to_have_text(first)
    expect(page.locator("#undo")).to_be_disabled()


def test_buttons_that_would_do_nothing_are_off(page):
    expect(page.locator("#undo")).to_be_disabled()
    page.click("#clear")
    for name in ("#clear", "#encode"):
        expect(page.locator(name)).to_be_disabled()
    expect(page.locator("#undo")).to_be_enabled()


def test_pure_digit_stays_pressed_while_its_picture_stays(page):
    pure = page.get_by_role("button", name="Pure 7")
    pure.click()
    page.click("#clear")
    expect(pure).to_have_attribute("aria-pressed", "true")
    page.locator("#latent-0-1").press("ArrowRight")
    expect(pure).to_have_attribute("aria-pressed", "false")


def test_reload_keeps_the_address_and_forgets_the_tick(page):
    expect(page.locator("#misread-label")).to_contain_text("that Routed misreads")
    page.check("#misread")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#misread")).not_to_be_checked()


def test_very_long_drawing_is_drawn(shown):
    lit = shown.evaluate(
        """() => Ink.toImage([Array.from({ length: 200000 }, (_, i) =>
            ({ x: (i % 1000) / 1000, y: i / 200000 }))]).reduce((sum, each) => sum + each, 0)"""
    )
    assert lit > 300


def test_every_slider_reaches_both_ends_and_shows_where_the_encoding_lies_beyond(shown):
    for card in range(2):
        low, high = shown.evaluate("(card) => Page.cards[card].model.sliders", card)
        for latent in range(10):
            slider = shown.locator(f"#latent-{card}-{latent}")
            slider.press("End")
            assert values(shown, "latents", card)[latent] == pytest.approx(high, abs=1e-5)
            slider.press("Home")
            assert values(shown, "latents", card)[latent] == pytest.approx(low, abs=1e-5)
    shown.evaluate("Page.cards[0].setLatents(Page.cards[0].latents.map(() => 99))")
    expect(shown.locator("[data-variant=routed] .latent.beyond")).to_have_count(10)
    expect(shown.locator("#latent-0-0")).to_have_attribute(
        "aria-valuetext", "99.00, beyond the slider\u2019s end"
    )
    shown.click("#encode")


def test_bar_and_slider_of_a_row_lie_on_one_scale(page):
    offsets = page.evaluate(
        """() => {
            const card = Page.cards[0], [low, high] = card.model.sliders;
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


def test_morph_is_quiet_for_assistive_technology_until_it_stops(page):
    page.evaluate(
        """() => { window.writes = 0; new MutationObserver((all) => { writes += all.length; })
        .observe(document.body, { subtree: true, attributes: true,
            attributeFilter: ["aria-label", "aria-valuetext", "aria-pressed"] }); }"""
    )
    page.click("#play")
    page.wait_for_timeout(500)
    during = page.evaluate("writes")
    page.click("#play")
    assert during < 20
    assert page.evaluate("writes") > 0


@pytest.mark.parametrize("size", [(390, 700), (700, 360), (800, 500), (640, 430), (320, 568)])
def test_pad_leaves_room_for_a_finger_to_scroll(shown, size):
    shown.set_viewport_size({"width": size[0], "height": size[1]})
    assert shown.locator("#pad").bounding_box()["height"] <= size[1] - 100


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_overlaps_on_a_narrow_phone(shown, width):
    shown.set_viewport_size({"width": width, "height": 600})
    overlaps = shown.evaluate(
        """() => { const parts = [...document.querySelectorAll(
            "button, select, .latent > *, .check > *, .error > *, nav a")]
            .filter((each) => each.checkVisibility())
            .map((each) => [each, each.getBoundingClientRect()]);
            const found = [];
            for (const [i, [one, a]] of parts.entries()) for (const [two, b] of parts.slice(i + 1))
                if (!one.contains(two) && a.left < b.right - 1 && b.left < a.right - 1
                    && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                    found.push([one.outerHTML.slice(0, 60), two.outerHTML.slice(0, 60)]);
            return found; }"""
    )
    assert overlaps == []


def test_phone_on_its_side_shows_the_picture_beside_the_moving_slider(open_page, built):
    page = open_page(file_address(built), **PHONE)
    page.set_viewport_size({"width": 700, "height": 360})
    for latent in (1, 5, 9):
        page.locator(f"#latent-0-{latent}").evaluate(
            "(row) => row.scrollIntoView({ block: 'center' })"
        )
        box = page.locator(".decoded").first.bounding_box()
        assert box["y"] > -40
        assert box["y"] + box["height"] < 400


def contrast(one: list[int], two: list[int]) -> float:
    """WCAG 2.2, contrast ratio."""

    def luminance(colour: list[int]) -> float:
        parts = np.array(colour[:3]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    high, low = sorted([luminance(one), luminance(two)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_stand_out_from_the_card(shown, theme):
    shown.emulate_media(color_scheme=theme)
    colours = shown.evaluate(
        """() => [".latent:not(.largest) .bar", ".latent.largest .bar", ".card", ".latent.largest"]
        .map((selector) => getComputedStyle(document.querySelector(selector)).backgroundColor
            .match(/\\d+/g).map(Number))"""
    )
    bar, marked, card, row = colours
    assert contrast(bar, card) >= 3
    assert contrast(marked, row) >= 3


def test_forced_colours_keep_tracks_swatches_and_pressed_buttons(open_page, built):
    page = open_page(file_address(built) + "#p=7")
    page.emulate_media(forced_colors="active")
    style = (
        "(selector) => { const s = getComputedStyle(document.querySelector(selector));"
        " return [s.appearance, s.backgroundColor]; }"
    )
    assert page.evaluate(style, ".latent input")[0] == "auto"
    backgrounds = {
        name: page.evaluate(style, selector)[1]
        for name, selector in {
            "pressed": "#pure button[aria-pressed=true]",
            "other": "#pure button[aria-pressed=false]",
            "bar": ".latent:not(.largest) .bar",
            "card": ".card",
            "missing": ".key .missing",
            "extra": ".key .extra",
        }.items()
    }
    assert backgrounds["pressed"] != backgrounds["other"]
    assert backgrounds["bar"] != backgrounds["card"]
    assert len({backgrounds[name] for name in ("missing", "extra", "card")}) == 3


def test_print_keeps_bars_and_marks(shown):
    shown.emulate_media(media="print")
    for selector in (".bar", ".key i", ".latent.largest", "#pure button"):
        adjust = "(each) => getComputedStyle(each).printColorAdjust"
        assert shown.locator(selector).first.evaluate(adjust) == "exact"


def test_without_javascript_the_page_says_what_to_do_and_no_button_pretends(
    browser: Browser, built
):
    context = browser.new_context(**DESKTOP, java_script_enabled=False)
    page = context.new_page()
    page.goto(file_address(built))
    expect(page.get_by_text("switch JavaScript on")).to_be_visible()
    assert page.locator("button:not([disabled])").count() == 0
    context.close()


def without(built, tmp_path, name: str) -> str:
    """The address of a page of which a file is missing."""
    folder = shutil.copytree(built.folder, tmp_path / "page")
    (folder / name).unlink()
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def bare(browser: Browser):
    """A page that may complain."""
    context = browser.new_context(**DESKTOP)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/index.js", "make demo"),
        ("data.js", "make demo"),
        ("page.js", "make demo"),
        ("data/digits.js", "you can still draw"),
    ],
)
def test_missing_file_is_named_or_explained(bare, built, tmp_path, name, words):
    bare.goto(without(built, tmp_path, name))
    expect(bare.locator("#banner")).to_contain_text(words)


OLD_BROWSERS = {
    "no such class": "delete window.DecompressionStream",
    "another format only": """window.DecompressionStream = class {
        constructor(format) { if (format !== "gzip") throw new TypeError(format); } }""",
}


@pytest.mark.parametrize("lack", OLD_BROWSERS.values(), ids=OLD_BROWSERS)
def test_browser_that_is_too_old_is_told_which_would_do(browser, built, lack):
    page = browser.new_context(**DESKTOP).new_page()
    page.add_init_script(lack)
    page.goto(file_address(built))
    expect(page.locator("html")).to_have_attribute("data-ready", "false")
    expect(page.locator("#banner")).to_have_text(
        "This browser is too old. The page needs Chrome or Edge 103, Firefox 113 or Safari 16.4, "
        "or later."
    )
    expect(page.locator(".model")).to_have_count(0)
    page.context.close()


def test_missing_model_can_be_tried_again(bare, built, tmp_path):
    bare.goto(without(built, tmp_path, "data/baseline-0.js"))
    problem = bare.locator(".model").nth(1).locator(".problem")
    expect(problem).to_contain_text("data/baseline-0.js could not be loaded")
    shutil.copy(built.folder / "data/baseline-0.js", tmp_path / "page" / "data")
    bare.locator(".again").nth(1).click()
    expect(bare.locator(".model").nth(1)).to_have_attribute("data-state", "ready")


def test_pad_draws_before_the_models_are_there(browser, http_address):
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    held = []
    page.route("**/data/*-0.js", lambda route: held.append(route))
    page.goto(http_address)
    expect(page.locator(".model")).to_have_count(2)
    expect(page.locator("#source")).to_contain_text("Test digit")
    draw(page, A_SEVEN)
    expect(page.locator("#source")).to_have_text("Your drawing")
    assert page.evaluate("Ink.toImage(Page.pad.strokes) !== null")
    for route in held:
        route.continue_()
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#source")).to_have_text("Your drawing")
    expect(page.locator("#readings")).to_contain_text("Routed: reads ")
    context.close()


def test_policy_of_the_server_allows_no_inline_script_or_style_and_the_page_needs_none(
    open_page, http_address
):
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    page = open_page(http_address)
    draw(page, A_SEVEN)
    page.click("#play")
    page.locator("#map").scroll_into_view_if_needed()
    expect(page.locator(".map-note")).to_contain_text("Choose one")
    source = (PROJECT / "grvae" / "demo" / "index.html").read_text()
    assert " style=" not in source
    assert " onclick" not in source


def test_forced_colours_leave_an_edge_round_what_is_black(page):
    """Shadows are gone there, and an empty pad is as black as a dark page."""
    page.emulate_media(forced_colors="active", color_scheme="dark")
    for selector in ("#pad", "#seen", ".decoded", ".atlas .image", "#map canvas"):
        style = page.locator(selector).first.evaluate(
            "(each) => getComputedStyle(each).outlineStyle"
        )
        assert style == "solid", selector
    page.locator("#pad").focus()
    page.keyboard.press("ArrowUp")
    width = page.locator("#pad").evaluate("(each) => getComputedStyle(each).outlineWidth")
    assert width == "3px"


def test_forced_colours_dim_a_button_that_is_off_once(shown):
    shown.emulate_media(forced_colors="active")
    expect(shown.locator("#undo")).to_be_disabled()
    expect(shown.locator("#undo")).to_have_css("opacity", "1")


@pytest.mark.parametrize("size", [(844, 390), (932, 430), (1280, 450)])
def test_low_screen_has_sliders_to_aim_at_and_nothing_in_their_way(shown, size):
    shown.set_viewport_size({"width": size[0], "height": size[1]})
    lengths = shown.locator(".latent input").evaluate_all(
        "(all) => all.map((each) => each.closest('.lane').getBoundingClientRect().width)"
    )
    assert min(lengths) > 150
    for card in shown.locator(".model").all():
        ends = card.locator("figcaption").evaluate_all(
            """(all) => all.map((each) => { const range = document.createRange();
                range.selectNodeContents(each); return range.getBoundingClientRect().right; })"""
        )
        assert max(ends) < card.locator(".latents").bounding_box()["x"]


@pytest.mark.parametrize("width", [794, 844])
def test_two_networks_stand_at_one_height_though_one_heading_is_longer(shown, width):
    shown.set_viewport_size({"width": width, "height": 700})
    tops = shown.locator("#learn .drawing").evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect().top)"
    )
    assert tops[0] == pytest.approx(tops[1], abs=1)


def test_variants_stay_whole_words_on_a_phone(shown):
    shown.set_viewport_size({"width": 390, "height": 700})
    rows = shown.locator("#runs thead th").evaluate_all(
        """(all) => all.map((each) => { const range = document.createRange();
            range.selectNodeContents(each); return range.getClientRects().length; })"""
    )
    assert rows == [1, 1, 1]


@pytest.mark.parametrize("width", [740, 844])
def test_menus_of_the_map_show_all_of_what_is_chosen(shown, width):
    shown.set_viewport_size({"width": width, "height": 700})
    missing = shown.locator("#map select").evaluate_all(
        """(all) => all.map((each) => { const given = each.offsetWidth; each.style.width = "auto";
            each.style.maxWidth = "none"; const wanted = each.offsetWidth;
            each.style = ""; return wanted - given; })"""
    )
    assert max(missing) <= 0


def test_print_has_a_small_pad_whole_atlases_and_few_buttons(shown):
    shown.set_viewport_size({"width": 794, "height": 1100})
    shown.emulate_media(media="print")
    assert shown.locator("#pad").bounding_box()["width"] < 300
    expect(shown.locator(".atlas").first).to_have_css("break-inside", "avoid")
    for selector in ("#random", "#copy-link", "#clear", "#add", ".remove", "nav"):
        expect(shown.locator(selector).first).to_be_hidden()


def test_print_has_no_map_that_was_never_drawn(page):
    page.emulate_media(media="print")
    expect(page.locator("#map")).to_be_hidden()
    page.emulate_media(media="screen")
    page.locator("#map").scroll_into_view_if_needed()
    expect(page.locator(".map-note")).to_contain_text("Choose one")
    page.emulate_media(media="print")
    expect(page.locator("#map canvas")).to_be_visible()


def test_dark_page_is_printed_as_a_light_one(shown):
    colours = []
    for theme in ("light", "dark"):
        shown.emulate_media(media="print", color_scheme=theme)
        colours.append(
            shown.evaluate(
                """() => ["body", ".card", "button", ".latent-frame", "select"].map((selector) => {
                    const style = getComputedStyle(document.querySelector(selector));
                    return [style.color, style.backgroundColor, style.fill];
                })"""
            )
        )
    assert colours[0] == colours[1]
