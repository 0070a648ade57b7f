"""The page, built from small models, in real Chromium, which may reach nothing but this machine."""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from ruamel.yaml import YAML

from grvae.base.layout import DataFolder
from grvae.base.storage import save_json
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.measure.evaluation import measure, observe
from grvae.model.images import ImageSet, load_images
from grvae.model.training import train_vae
from grvae.model.vae import VAE, build_model, load_vae, save_vae
from grvae.params import load_params
from grvae.use.demo_layers import round_weights
from grvae.use.server import open_server
from stages.demo import demo
from tests.browser.chromium import DESKTOP, launch_chromium
from tests.conftest import PROJECT, write_small_params

VARIANTS = ["routed", "baseline"]
READY_MILLISECONDS = 30_000  # on a busy machine
# What a test may have changed of a page that it shares.
STATE = """() => JSON.stringify([Page.state(), Page.pad.history.length, Page.morph.playing,
    Page.cards.map((card) => [Array.from(card.latents), Array.from(card.means)]),
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
    for variant in variants:
        run = folder / "runs" / variant / "0"
        recipe = params.variant(variant).recipe
        model, _ = train_vae(train, validation, recipe, params.latent_act, 0)
        save_vae(run / "weights.safetensors", model)
        outcome = observe(model, recipe, params.evaluation, train, test)
        save_json(run / "measures.json", measure(outcome))
        # Another seed to choose from the menu, without training it.
        save_vae(
            folder / "runs" / variant / "1" / "weights.safetensors",
            build_model(recipe, params.latent_act, 1),
        )
        shutil.copy(run / "measures.json", folder / "runs" / variant / "1")
    arguments = {
        "--params": params_file,
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


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a page is served."""
    with open_server(folder, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
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
