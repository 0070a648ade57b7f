"""Any labelled images on the page: many named classes in grey, and a few in colour."""

import string

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from grvae.base.image_spec import ImageSpec
from grvae.model.images import ImageSet, as_pictures
from grvae.model.vae import build_model
from grvae.params import load_params
from grvae.use.demo_bundle import Run, build_bundle, write_page
from grvae.use.demo_layers import round_weights
from tests.browser.chromium import PHONE
from tests.browser.conftest import Built, file_address
from tests.browser.driving import A_SEVEN, Hand, decode, press_pure, values
from tests.conftest import PROJECT
from tests.handmade import MEASURES

# Names of all lengths; one is all but as long as a class's name may be.
ANIMALS = [
    "ant", "bear", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "koala", "lynx", "mole",
    "newt", "owl", "pig", "quail", "rhinoceros", "seal", "tapir", "urial", "viper", "wolf", "xerus",
    "yellow-bellied three-toed skink (Saiphos equalis)", "zebra",
]  # fmt: skip
SPECS = {
    "animals": ImageSpec(tuple(ANIMALS), side=28, colours=1),
    "colours": ImageSpec(("red", "green", "blue"), side=16, colours=3),
}
SMALL = {"network": "conv_encoder", "hidden_sizes": [4, 6, 20], "decoder_sizes": [16]}


def pictures(spec: ImageSpec) -> ImageSet:
    """Four noisy images of each class, which lights pixels of its own, in full colour."""
    labels = torch.arange(4 * len(spec.classes)) % len(spec.classes)
    noise = torch.rand(len(labels), spec.pixels, generator=torch.Generator().manual_seed(0))
    place = torch.arange(spec.pixels) * len(spec.classes) // spec.pixels
    return ImageSet(0.3 * noise + 0.7 * (place == labels[:, None]), labels, spec)


def build(folder, spec: ImageSpec) -> Built:
    """Of untrained models; nothing names the latents of the second one."""
    images, params = pictures(spec), load_params(PROJECT / "params.yaml")
    runs, models = [], {}
    for variant in ("routed", "baseline"):
        recipe = params.variant(variant).recipe.model_copy(update=SMALL)
        model = build_model(recipe, "relu", 0, spec)
        torch.nn.init.normal_(model.mean_head.weight, std=2.0)
        models[variant] = round_weights(model)
        measures = MEASURES | {"assignment": list(reversed(range(len(spec.classes))))}
        runs.append(Run(variant, 0, recipe, model, "0" * 64, measures))
    bundle = build_bundle(runs, images, images, (5.0, 95.0))
    write_page(folder, PROJECT / "grvae" / "demo", bundle)
    return Built(folder, models, images, images)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Built]:
    return {name: build(tmp_path_factory.mktemp(name), spec) for name, spec in SPECS.items()}


def picture(page, selector: str, spec: ImageSpec) -> np.ndarray:
    """The colours (side, side, 3) in [0, 1] that a canvas shows."""
    script = """(canvas) => [canvas.width, ...canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data]"""
    side, *data = page.locator(selector).first.evaluate(script)
    assert side == spec.side
    return np.array(data).reshape(side, side, 4)[:, :, :3] / 255


def colours(pixels: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Flat pixels as what `picture` should read."""
    image = as_pictures(torch.from_numpy(pixels), spec).numpy()
    return image if spec.colours == 3 else np.repeat(image[..., None], 3, axis=2)


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_every_class_has_a_slider_and_a_button_of_its_name_that_decodes_it(
    open_page, pages, name, size
):
    spec, built = SPECS[name], pages[name]
    page = open_page(file_address(built), **size)
    assert page.locator(".model").first.locator(".latent label").all_inner_texts() == [
        *spec.classes
    ]
    sliders = page.locator(".model").first.get_by_role("slider")
    expect(sliders).to_have_count(len(spec.classes))
    expect(sliders.last).to_have_accessible_name(f"Class {spec.classes[-1]}, Routed")
    fits = f"Latent 0, fits {spec.classes[-1]} best, Baseline"
    expect(page.locator("#latent-1-0")).to_have_accessible_name(fits)
    page.get_by_role("button", name=f"Pure {spec.classes[1]}", exact=True).click()
    expected = decode(built.models["routed"], values(page, "latents"))
    shown = picture(page, "[data-variant=routed] .decoded", spec)
    np.testing.assert_allclose(shown, colours(expected, spec), atol=1 / 255)
    for fold in page.locator(".model summary").all():
        fold.click()
    script = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(script) <= 0


@pytest.mark.parametrize("name", SPECS)
def test_test_image_is_shown_classified_and_labelled_by_name(open_page, pages, name):
    spec, built = SPECS[name], pages[name]
    page = open_page(file_address(built))
    page.click("#next")
    expect(page.locator("#source")).to_have_text(f"Test image 1, labelled {spec.classes[1]}")
    expect(page.locator("#pad")).to_be_hidden()
    expected = colours(built.test.pixels[1].numpy(), spec)
    np.testing.assert_allclose(picture(page, "#seen", spec), expected, atol=1 / 255)
    largest = spec.classes[int(values(page, "means").argmax())]
    card = page.locator("[data-variant=routed]")
    expect(card.locator(".answer")).to_contain_text(largest)
    expect(card.locator(".reason")).to_have_text(f"Latent {largest} is the largest")
    expect(card.locator(".verdict")).to_contain_text(f"labelled {spec.classes[1]}")
    expect(page.locator("#atlases .atlas").first.locator(".cell")).to_have_count(
        9 * len(spec.classes)
    )
    page.locator("#map").scroll_into_view_if_needed()
    expect(page.locator(".map-note")).to_contain_text("test images. Choose one.")
    page.locator("#map select").first.select_option("Routed, seed 0")
    expect(page.get_by_label("Across")).to_contain_text(f"Latent {spec.classes[-1]}")


def test_explanation_of_many_classes_draws_the_label_latent_and_its_rivals(open_page, pages):
    page = open_page(file_address(pages["animals"]))
    page.click("#previous")  # a zebra
    side = page.locator("#learn .side").first
    expect(side.locator(".latent-box")).to_have_count(9)
    expect(side.locator(".latent-box.own text")).to_have_text("zebra")
    expect(side.locator(".drawing")).to_contain_text("17 of them not drawn")
    expect(page.locator("#learn .sentence")).to_have_text("An image of the class zebra goes in.")
    latents = np.maximum(0, values(page, "means"))
    rivals = np.delete(latents, 25)
    drawn = {int(each) for each in side.locator(".latent-box").evaluate_all(
        "(all) => all.map((each) => each.dataset.latent)"
    )}  # fmt: skip
    assert latents[sorted(drawn - {25})].min() >= np.sort(rivals)[-8]


def test_link_keeps_many_sliders_and_a_class(open_page, pages):
    page = open_page(file_address(pages["animals"]))
    press_pure(page, "wolf")
    page.locator("#latent-0-25").press("End")
    page.click("#copy-link")
    other = open_page(page.url)
    np.testing.assert_allclose(values(other, "latents"), values(page, "latents"), atol=1e-3)


def test_letters_are_drawn_at_their_own_side_and_their_names_have_room(open_page, tmp_path):
    spec = ImageSpec(tuple(string.ascii_uppercase), side=16, colours=1)
    page = open_page(file_address(build(tmp_path, spec)), **PHONE)
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
