"""The page, built from small models, in real Chromium, which may reach nothing but this machine."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from playwright.sync_api import Browser, Page, Route, sync_playwright

from grvae.base.image_spec import MNIST, ImageSpec
from grvae.measure.out_of_distribution import limits_of
from grvae.model.images import ImageSet
from grvae.model.vae import VAE, build_model
from grvae.params import load_params
from grvae.use.demo_bundle import Run, build_bundle, write_page
from grvae.use.demo_layers import round_weights
from tests.browser.chromium import DESKTOP, PHONE, launch_chromium
from tests.conftest import PROJECT
from tests.handmade import MEASURES, pixel_reader

VARIANTS = ["routed", "baseline"]
SERVER = "http://localhost/"  # there is none: the tests answer for it
READY_MILLISECONDS = 30_000  # on a busy machine


@dataclass(frozen=True)
class Built:
    """A page, and what it was built from: the models of the first seed, rounded as the page's."""

    folder: Path
    models: dict[str, VAE]
    train: ImageSet
    test: ImageSet

    @property
    def address(self) -> str:
        """As of a page that is opened by double click."""
        return (self.folder / "index.html").as_uri()


def write(folder: Path, runs: list[Run], train: ImageSet, test: ImageSet) -> Built:
    """The page of these runs, the first seed of each first."""
    bundle = build_bundle(runs, train, test, (5.0, 95.0))
    write_page(folder, PROJECT / "grvae" / "demo", bundle)
    models = {run.variant: round_weights(run.model) for run in runs if run.seed == 0}
    return Built(folder, models, train, test)


def pictures(spec: ImageSpec, seed: int) -> ImageSet:
    """Four noisy images of each class, which lights pixels of its own, in full colour."""
    labels = torch.arange(4 * len(spec.classes)) % len(spec.classes)
    noise = torch.rand(len(labels), spec.pixels, generator=torch.Generator().manual_seed(seed))
    place = torch.arange(spec.pixels) * len(spec.classes) // spec.pixels
    pixels = 0.3 * noise + 0.7 * (place == labels[:, None])
    return ImageSet((255 * pixels).round() / 255, labels, spec)


def build_page(
    folder: Path, spec: ImageSpec, variants: list[str], seeds: int = 1, **network: object
) -> Built:
    """Of untrained models; what nothing names, the latents of the baseline, fits in reverse."""
    train, params = pictures(spec, 0), load_params(PROJECT / "params.yaml")
    fits = {"assignment": list(reversed(range(len(spec.classes))))}
    runs = []
    for seed in range(seeds):
        for variant in variants:
            recipe = params.variant(variant).recipe.model_copy(update=network)
            model = build_model(recipe, "relu", seed, spec)
            # Means differ from image to image; the activation changes those of latent 3 alone.
            generator = torch.Generator().manual_seed(seed)
            torch.nn.init.normal_(model.mean_head.weight, std=2.0, generator=generator)
            torch.nn.init.constant_(model.mean_head.bias, 2.0)
            torch.nn.init.zeros_(model.mean_head.bias[3:4])
            measures = MEASURES | fits | {"limits": asdict(limits_of(model, train))}
            runs.append(Run(variant, seed, recipe, model, "0" * 64, measures))
    return write(folder, runs, train, pictures(spec, 1))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Of digits."""
    network = {"network": "mlp", "hidden_sizes": [64, 32], "decoder_sizes": None}
    return build_page(tmp_path_factory.mktemp("built"), MNIST, VARIANTS, seeds=2, **network)


# What the hand-made models are to make of the page's images: in each row the brightest of the first
# ten pixels and the second brightest, with their values.
HANDMADE = [
    *((digit, 0.9, (digit + 1) % 10, 0.3) for digit in range(10)),
    (4, 0.9, 3, 0.8),  # labelled 3: misclassified by far
    (7, 0.9, 1, 0.88),  # labelled 1: misclassified by little
]
HANDMADE_LABELS = [*range(10), 3, 1]


def handmade_images() -> ImageSet:
    pixels = torch.zeros(len(HANDMADE), 784)
    for image, (largest, value, second, less) in enumerate(HANDMADE):
        pixels[image, [largest, second]] = torch.tensor([value, less])
    return ImageSet(pixels, torch.tensor(HANDMADE_LABELS))


@pytest.fixture(scope="session")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A page of two models whose means are an image's first ten pixels, less a half.

    So the largest mean is never the largest by its absolute value, and an activated mean is hardly
    ever the mean itself. Of the second model nothing names the latents: 0 and 1 are swapped. Its
    activation makes large what the first one's makes zero.
    """
    recipe, runs, images = load_params(PROJECT / "params.yaml").recipe, [], handmade_images()
    # No image is out of distribution, until a test says so.
    limits = {"low_ink": 0, "high_ink": 99, "high_error": 999, "high_error_share": 999}
    measures = MEASURES | {"assignment": [1, 0, *range(2, 10)], "limits": limits}
    for variant, routing, latent_act in (("plain", "label", "relu"), ("swapped", "none", "abs")):
        model = pixel_reader(10, latent_act)
        torch.nn.init.constant_(model.mean_head.bias, -0.5)
        model.decoder = torch.nn.Sequential(model.decoder)
        changed = recipe.model_copy(update={"routing": routing})
        runs.append(Run(variant, 0, changed, model, "0" * 64, measures))
    return write(tmp_path_factory.mktemp("handmade"), runs, images, images)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


def serve(page: Page, folder: Path) -> None:
    """Answer what a page asks of `SERVER` from a folder, as a web server does."""

    def answer(route: Route) -> None:
        route.fulfill(path=folder / (urlsplit(route.request.url).path[1:] or "index.html"))

    page.route(f"{SERVER}**", answer)


class Tabs:
    """Pages that are used again: a new one takes longer to make than an address to open."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: dict[str, list[Page]] = {}

    @contextlib.contextmanager
    def opened(self, built: Built, address: str, **options: object) -> Iterator[Page]:
        """A page that has started; in the end it may not have complained of anything."""
        options = DESKTOP | options
        free = self.free.setdefault(repr(sorted(options.items())), [])
        page = free.pop() if free else self.browser.new_page(**options)
        page.set_default_timeout(5000)
        if address.startswith(SERVER):
            serve(page, built.folder)
        page.goto(address, timeout=READY_MILLISECONDS)
        page.wait_for_selector("html[data-ready]", timeout=READY_MILLISECONDS)
        yield page
        said = [message.text for message in page.console_messages() if message.type == "error"]
        complaints = said + [str(error) for error in page.page_errors()]
        page.unroute_all()
        page.goto("about:blank")
        page.clear_console_messages()
        page.clear_page_errors()
        page.set_viewport_size(options["viewport"])
        page.emulate_media(
            color_scheme="light", forced_colors="none", reduced_motion="no-preference"
        )
        free.append(page)
        assert complaints == []


OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def open_page(tabs: Tabs, built: Built) -> Iterator[OpenPage]:
    """Open an address; one of `SERVER` is that of the digits."""
    with contextlib.ExitStack() as stack:
        yield lambda *where, **options: stack.enter_context(tabs.opened(built, *where, **options))


@pytest.fixture(scope="module")
def shown(tabs: Tabs, built: Built) -> Iterator[Page]:
    """The page of digits on a desktop, by double click; opened once for a module."""
    with tabs.opened(built, built.address) as page:
        yield page


@pytest.fixture(scope="module")
def shown_on_phone(tabs: Tabs, built: Built) -> Iterator[Page]:
    with tabs.opened(built, built.address, **PHONE) as page:
        yield page


# As the page opens: a test digit, nothing to undo, and no pen was near.
BEGIN = """() => { const { pad, showImage } = Demo.Input;
    pad.clear();
    pad.history = [];
    pad.pointers.penSeen = -Infinity;
    showImage(0); }"""


@pytest.fixture
def page(shown: Page) -> Page:
    """The same, with the input as at first."""
    shown.evaluate(BEGIN)
    return shown


@pytest.fixture
def phone(shown_on_phone: Page) -> Page:
    shown_on_phone.evaluate(BEGIN)
    return shown_on_phone
