"""The essentials of the page in Firefox and in WebKit, by pointer and keyboard."""

import numpy as np
import pytest
import torch
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import VARIANTS, served
from tests.browser.engines import ENGINES, Engine, watch
from tests.browser.test_page import A_SEVEN, decode, encode
from tests.fanout.engines import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ENGINES)
def running_engine(request, tmp_path_factory):
    with ENGINES[request.param](tmp_path_factory.mktemp(request.param)) as engine:
        yield engine


@pytest.fixture
def engine(running_engine: Engine):
    """A browser, whose console must stay without errors."""
    running_engine.complaints()
    yield running_engine
    assert running_engine.complaints() == []


@pytest.fixture(scope="module")
def watched(built, tmp_path_factory):
    return watch(built.folder, tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="module")
def web_address(watched):
    with served(watched) as address:
        yield address


@pytest.fixture(params=["http", "file"])
def address(request, watched, web_address):
    """Of the page, from a web server and by double click."""
    return web_address if request.param == "http" else (watched / "index.html").as_uri()


def values(engine: Engine, expression: str, card: int = 0) -> np.ndarray:
    return np.array(engine.evaluate(f"Array.from(Page.cards[{card}].{expression} ?? [])"))


def painted(engine: Engine, selector: str) -> np.ndarray:
    """The red channel (784,) in [0, 1] of a small canvas."""
    data = engine.evaluate(
        f"""Array.from(document.querySelector("{selector}").getContext("2d")
            .getImageData(0, 0, 28, 28).data)"""
    )
    return np.array(data).reshape(784, 4)[:, 0] / 255


def check_reading(engine: Engine, built) -> None:
    """Each model's numbers are what PyTorch makes of the pixels, and its picture is drawn."""
    pixels = torch.tensor(values(engine, "pixels")[None]).float()
    for card, variant in enumerate(VARIANTS):
        model = built.models[variant]
        np.testing.assert_allclose(
            values(engine, "means", card), encode(model, pixels)[0], atol=1e-3
        )
        drawn = painted(engine, f".model[data-variant={variant}] .decoded")
        latents = values(engine, "latents", card)
        np.testing.assert_allclose(drawn, decode(model, latents), atol=1.5 / 255)


def test_page_loads_and_a_stroke_is_read(engine, address, built):
    engine.open(address)
    assert engine.text("#source").startswith("Test digit")
    check_reading(engine, built)
    before = values(engine, "means")
    engine.drag("#pad", A_SEVEN)
    engine.wait("document.querySelector('#source').textContent === 'Your drawing'")
    assert engine.text("#readings").count(": reads ") == 2
    assert not np.allclose(values(engine, "means"), before)
    lit = np.argwhere(painted(engine, "#seen").reshape(28, 28) > 0.5)
    assert np.ptp(lit, axis=0).max() + 1 in range(18, 22)
    check_reading(engine, built)


def test_keyboard_draws_and_takes_back(engine, web_address, built):
    engine.open(web_address)
    before = engine.text("#source")
    engine.evaluate("document.querySelector('#pad').focus() ?? null")
    engine.press(Keys.ARROW_UP + Keys.SPACE + 8 * Keys.ARROW_DOWN + Keys.SPACE)
    engine.wait("document.querySelector('#source').textContent === 'Your drawing'")
    check_reading(engine, built)
    engine.press(Keys.BACKSPACE)
    assert engine.text("#source") == before


def test_slider_changes_what_is_drawn(engine, web_address, built):
    engine.open(web_address)
    before = painted(engine, "[data-variant=routed] .decoded")
    engine.drag("#latent-0-3", [(0.5, 0.5), (0.7, 0.5), (0.9, 0.5)])
    low, high = engine.evaluate("Page.cards[0].model.sliders")
    share = (values(engine, "latents")[3] - low) / (high - low)
    assert 0.8 < share < 1
    dragged = painted(engine, "[data-variant=routed] .decoded")
    assert not np.array_equal(dragged, before)
    check_reading(engine, built)
    engine.press(Keys.HOME)
    assert values(engine, "latents")[3] == pytest.approx(low, abs=1e-5)
    assert not np.array_equal(painted(engine, "[data-variant=routed] .decoded"), dragged)


def test_link_restores_drawing_sliders_and_models(engine, address):
    engine.open(f"{address}#m=routed-1,baseline-0&p=7")
    assert engine.evaluate("Page.cards.map((card) => card.model.name)") == [
        "routed-1",
        "baseline-0",
    ]
    assert engine.text("#pure [aria-pressed=true]") == "7"
    engine.drag("#pad", A_SEVEN)
    engine.drag("#latent-0-2", [(0.3, 0.5), (0.9, 0.5)])
    engine.wait("location.hash === Share.write(Page.state())")
    link, pixels, latents = (
        engine.evaluate("location.href"), values(engine, "pixels"), values(engine, "latents")
    )  # fmt: skip
    engine.open(link)
    assert engine.evaluate("Page.cards.map((card) => card.model.name)") == [
        "routed-1",
        "baseline-0",
    ]
    assert engine.text("#source") == "Your drawing"
    np.testing.assert_allclose(values(engine, "pixels"), pixels, atol=0.06)
    np.testing.assert_allclose(values(engine, "latents"), latents, atol=1e-3)


def test_explanation_plays_and_steps(engine, web_address):
    engine.open(web_address)
    engine.click("#learn .play")
    engine.wait("document.querySelector('#learn').dataset.step === 'encode'")
    assert engine.text("#learn .play") == "Pause"
    engine.click("#learn .forth")
    assert engine.text("#learn .play") == "Play"
    engine.press(Keys.ENTER + Keys.ENTER)
    assert engine.evaluate("document.querySelector('#learn').dataset.step") == "through"
    label = int(engine.text("#source")[-1])
    lit = """[...document.querySelectorAll("#learn .side")].map((side) =>
        [...side.querySelectorAll(".backward.encoder[data-latent]")]
            .filter((arrow) => getComputedStyle(arrow).opacity > 0)
            .map((arrow) => Number(arrow.dataset.latent)))"""
    assert engine.evaluate(lit) == [[label], list(range(10))]


# Last, because a browser may say more of a fault than one thing, and later.
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("setTimeout(() => { throw new Error('thrown'); })", "thrown"),
        ("console.error('said')", "said"),
        ("document.head.append(Object.assign(make('script'), { src: 'no.js' }))", "no.js"),
    ],
    ids=["thrown", "said", "missing"],
)
def test_faults_are_noticed(running_engine, web_address, fault, said):
    """Else no other test here would see one."""
    running_engine.open(web_address)
    running_engine.complaints()
    running_engine.evaluate(f"({fault}, null)")
    noted = []
    wait_for(lambda: noted.extend(running_engine.complaints()) or noted, 10)
    assert said in noted[0]
