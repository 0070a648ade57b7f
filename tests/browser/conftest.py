"""The page, built from small models, in real Chromium, which may reach nothing but this machine."""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from ruamel.yaml import YAML

from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.measure.evaluation import measure, observe
from grvae.measure.out_of_distribution import limits_of
from grvae.model.images import ImageSet, load_images
from grvae.model.training import train_vae
from grvae.model.vae import VAE, build_model, load_vae, save_vae
from grvae.params import load_params
from grvae.use.demo_bundle import Run, build_bundle, write_page
from grvae.use.demo_layers import round_weights
from stages.demo import demo
from tests.browser.chromium import DESKTOP, PHONE, launch_chromium
from tests.conftest import PROJECT, write_small_params
from tests.handmade import MEASURES, pixel_reader

VARIANTS = ["routed", "baseline"]
READY_MILLISECONDS = 30_000  # on a busy machine
# What a test may have changed of a page that it shares.
STATE = """() => JSON.stringify([Demo.Address.current(), Demo.Input.pad.history.length,
    Demo.state.playing,
    Demo.state.cards.map(({ latents, means }) => [Array.from(latents), Array.from(means)]),
    document.querySelectorAll("details[open], select[style]:not([style=''])").length])"""


@dataclass(frozen=True)
class Built:
    """A page, and what it was built from: the models of the first seed, rounded as the page's."""

    folder: Path
    models: dict[str, VAE]
    train: ImageSet
    test: ImageSet


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


def build_page(folder: Path, variants: list[str]) -> Built:
    """Run what the pipeline runs, on the embedded digits, for one epoch, with few units."""
    params_file = write_small_params(folder / "params.yaml", variants=variants)
    yaml = YAML()
    values = yaml.load(params_file)
    values["recipe"] |= {"network": "mlp", "hidden_sizes": [64, 32], "decoder_sizes": None}
    yaml.dump(values, params_file)
    params = load_params(params_file)
    data = DataFolder(folder / "data")
    write_splits(data, *load_digits(), params.recipe.validation_fraction)
    train, validation = load_images(data.train), load_images(data.validation)
    test = load_images(data.test)
    for variant, resolved in params.resolve().items():
        save_json(folder / "variants" / f"{variant}.json", resolved.written())
        run, recipe = folder / "runs" / variant / "0", resolved.recipe
        model, _ = train_vae(train, validation, recipe, params.latent_act, 0)
        save_vae(run / "weights.safetensors", model)
        outcome = observe(model, recipe, params.evaluation, train, test)
        limits = asdict(limits_of(model, train))
        save_json(run / "measures.json", measure(outcome) | {"limits": limits})
        # Another seed to choose from the menu, without training it.
        save_vae(
            folder / "runs" / variant / "1" / "weights.safetensors",
            build_model(recipe, params.latent_act, 1),
        )
        shutil.copy(run / "measures.json", folder / "runs" / variant / "1")
    arguments = {
        "--params": params_file,
        "--variants": folder / "variants",
        "--runs": folder / "runs",
        "--data": folder / "data",
        "--sources": PROJECT / "grvae" / "demo",
        "--page": folder / "page",
    }
    flat = [str(part) for pair in arguments.items() for part in pair]
    CliRunner().invoke(demo, flat, catch_exceptions=False, standalone_mode=False)
    models = {
        variant: round_weights(load_vae(folder / "runs" / variant / "0" / "weights.safetensors"))
        for variant in variants
    }
    return Built(folder / "page", models, train, test)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build_page(tmp_path_factory.mktemp("built"), VARIANTS)


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
    models, images = {}, handmade_images()
    recipe, runs = load_params(PROJECT / "params.yaml").recipe, []
    for variant, routing, latent_act in (("plain", "label", "relu"), ("swapped", "none", "abs")):
        model = pixel_reader(10, latent_act)
        torch.nn.init.constant_(model.mean_head.bias, -0.5)
        model.decoder = torch.nn.Sequential(model.decoder)
        models[variant] = round_weights(model)
        measures = MEASURES | {"assignment": [1, 0, *range(2, 10)]}
        changed = recipe.model_copy(update={"routing": routing})
        runs.append(Run(variant, 0, changed, model, "0" * 64, measures))
    bundle = build_bundle(runs, images, images, (5.0, 95.0))
    for run in runs:  # no image is out of distribution, until a test says so
        bundle[run.name]["limits"] |= dict(
            low_ink=0, high_ink=99, high_error=999, high_error_share=999
        )
    folder = tmp_path_factory.mktemp("handmade")
    write_page(folder, PROJECT / "grvae" / "demo", bundle)
    return Built(folder, models, images, images)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a page is served."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def http_address(built: Built) -> Iterator[str]:
    with served(built.folder) as address:
        yield address


@pytest.fixture(params=["http", "file"])
def address(request: pytest.FixtureRequest, built: Built, http_address: str) -> str:
    """Of the page, from a web server and by double click."""
    return http_address if request.param == "http" else file_address(built)


def file_address(built: Built) -> str:
    return (built.folder / "index.html").as_uri()


OpenPage = Callable[..., Page]


class Tab:
    """A page in a context of its own, and what it has complained of since it was last empty."""

    def __init__(self, browser: Browser, options: dict[str, Any]) -> None:
        self.options = DESKTOP | options
        self.page = browser.new_context(**self.options).new_page()
        self.page.set_default_timeout(5000)
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self.check)
        self.complaints: list[str] = []
        self.home = ""

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def check(self, request: Request) -> None:
        if not request.url.startswith((self.home, "data:")):
            self.complaints.append(f"asked for {request.url}")

    def open(self, address: str) -> Page:
        self.home = address.partition("#")[0].removesuffix("index.html")
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", timeout=READY_MILLISECONDS)
        return self.page

    def empty(self) -> list[str]:
        """Leave it as a new one; returns its complaints."""
        self.page.mouse.up()
        self.page.goto("about:blank")
        self.restore()
        complaints, self.complaints = self.complaints, []
        return complaints

    def restore(self) -> None:
        """Undo what a test may have changed of its screen."""
        self.page.mouse.move(0, 0)
        self.page.set_viewport_size(self.options["viewport"])
        theme = self.options.get("color_scheme", "light")
        self.page.emulate_media(media="null", color_scheme=theme, forced_colors="none")


class Tabs:
    """Empty tabs, used again: a new one takes longer to make than an address to open."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.left: dict[str, list[Tab]] = {}

    @contextlib.contextmanager
    def taken(self, **options: object) -> Iterator[Tab]:
        """A tab with these options, which afterwards is for others, unless it fails to empty."""
        left = self.left.setdefault(repr(sorted(options.items())), [])
        tab = left.pop() if left else Tab(self.browser, options)
        yield tab
        complaints = tab.empty()
        left.append(tab)
        assert complaints == []


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def open_page(tabs: Tabs) -> Iterator[OpenPage]:
    """Open an address; afterwards no page may have complained or asked for anything outside."""
    with contextlib.ExitStack() as stack:
        yield lambda address, **options: stack.enter_context(tabs.taken(**options)).open(address)


@pytest.fixture
def phone(open_page: OpenPage, built: Built) -> Page:
    return open_page(file_address(built), **PHONE)


@pytest.fixture
def page(open_page: OpenPage, built: Built) -> Page:
    """The page on a desktop, by double click."""
    return open_page(file_address(built))


@pytest.fixture(scope="module")
def shared_tab(tabs: Tabs, built: Built) -> Iterator[Tab]:
    with tabs.taken() as tab:
        tab.open(file_address(built))
        yield tab


@pytest.fixture
def shown(shared_tab: Tab) -> Iterator[Page]:
    """The same, opened once for a module: its tests leave all but its screen as they found it."""
    before = shared_tab.page.evaluate(STATE)
    yield shared_tab.page
    shared_tab.restore()
    assert shared_tab.page.evaluate(STATE) == before
    assert shared_tab.complaints == []
