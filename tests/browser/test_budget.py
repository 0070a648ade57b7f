"""What a browser fetches of a page with the networks, variants and seeds of params.yaml."""

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from grvae.model.images import ImageSet
from grvae.model.vae import build_model
from grvae.params import load_params
from grvae.use.demo_bundle import PAGE_BUDGET, TEST_DIGITS, Run, build_bundle, write_page
from tests.browser.conftest import READY_MILLISECONDS, served
from tests.conftest import PROJECT
from tests.handmade import BEFORE_THE_FIRST_DRAWING, MEASURES

pytestmark = pytest.mark.slow

MNIST_DIGITS = 230_000  # bytes that 1,000 of MNIST's take
INK = 0.19  # share of MNIST's pixels that are not black
FETCHED = """() => performance.getEntriesByType("navigation")
    .concat(performance.getEntriesByType("resource"))
    .map((each) => [new URL(each.name).pathname, each.encodedBodySize])"""


def full_runs(settings):
    """Every run that params.yaml lists, the first seed of each variant first.

    Their weights have heavy tails, as trained ones have, and so compress better than new ones.
    """
    measures = MEASURES | {
        "images": 10_000,
        "argmax_accuracy": 0.98765,
        "assigned_accuracy": 0.98765,
        "squared_error_per_image": 25.4321,
    }
    for seed in settings.seeds:
        for variant in settings.variants:
            recipe = settings.variant(variant).recipe
            model = build_model(recipe, settings.latent_act, seed)
            for weights in model.parameters():
                weights.data = torch.distributions.Laplace(0.0, 0.05).sample(weights.shape)
            yield Run(variant, seed, recipe, model, "0" * 64, measures)


@pytest.fixture(scope="module")
def full_page(tmp_path_factory):
    """A page of full size, with digits that compress no better than MNIST's; and its menu."""
    generator = torch.Generator().manual_seed(0)
    shape = (TEST_DIGITS, 784)
    grey = (torch.rand(shape, generator=generator) * 255).round() / 255
    pixels = torch.where(torch.rand(shape, generator=generator) < INK, grey, 0.0)
    digits = ImageSet(pixels, torch.arange(TEST_DIGITS) % 10)
    settings = load_params(PROJECT / "params.yaml")
    torch.manual_seed(0)
    bundle = build_bundle(
        list(full_runs(settings)), digits[:200], digits, settings.evaluation.slider_percentiles
    )
    assert len(bundle["digits"]["pixels"]) > MNIST_DIGITS
    folder = tmp_path_factory.mktemp("full") / "page"
    write_page(folder, PROJECT / "grvae" / "demo", bundle)
    return folder, bundle["index"]["models"]


def fetched(page) -> dict[str, int]:
    """Bytes of each file that the browser has fetched; none may be fetched twice."""
    files = page.evaluate(FETCHED)
    sizes = dict(files)
    assert len(sizes) == len(files)
    return sizes


def test_page_fetches_two_models_before_the_first_drawing_and_each_other_when_asked(
    open_page, full_page
):
    folder, menu = full_page
    with served(folder) as address:
        page = open_page(address)
        expect(page.locator("#misclassified")).to_be_enabled(timeout=READY_MILLISECONDS)
        page.locator("#map").scroll_into_view_if_needed()
        expect(page.locator(".map-note")).to_contain_text("Choose one", timeout=READY_MILLISECONDS)
        at_first = fetched(page)
        assert sum(name.startswith("/data/") for name in at_first) == len(
            ["index", "digits", "one model", "another"]
        )
        assert sum(at_first.values()) < BEFORE_THE_FIRST_DRAWING

        page.evaluate(
            "(names) => Promise.all(names.map((name) => Demo.Model.load(name))).then(() => null)",
            [each["name"] for each in menu],
        )
        in_the_end = fetched(page)
        written = {f"/{path.relative_to(folder)}" for path in folder.rglob("*.*")}
        assert set(in_the_end) == (written | {"/"}) - {"/index.html"}
        assert sum(in_the_end.values()) < PAGE_BUDGET


def test_every_variant_of_the_parameters_fits_with_several_seeds(full_page):
    _, menu = full_page
    settings = load_params(PROJECT / "params.yaml")
    seeds = [sum(each["variant"] == variant for each in menu) for variant in settings.variants]
    assert min(seeds) >= min(3, len(settings.seeds))
    assert np.ptp(seeds) <= 1
