"""What tests do to a page, and what they read off it."""

import json
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Page

from grvae.model.vae import VAE

Point = tuple[float, float]
A_SEVEN = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.8)]
ROUTED = "[data-variant=routed]"


def answer(page: Page, script: str, *arguments: object) -> Any:
    """What a script makes of the arguments; as text, which travels faster than nested lists."""
    wrapped = f"async (text) => JSON.stringify(await ({script})(...JSON.parse(text)))"
    return json.loads(page.evaluate(wrapped, json.dumps(arguments)))


def values(page: Page, expression: str, card: int = 0) -> np.ndarray:
    """A list of numbers that belongs to one model's card."""
    script = f"(card) => Array.from(Demo.state.cards[card].{expression} ?? [])"
    return np.array(page.evaluate(script, card))


def picture(page: Page, selector: str) -> np.ndarray:
    """The colours (side, side, 3) in [0, 1] of a small canvas, as painted."""
    script = """(canvas) => [canvas.width, ...canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data]"""
    side, *data = page.locator(selector).first.evaluate(script)
    return np.array(data).reshape(side, side, 4)[:, :, :3] / 255


def canvas(page: Page, selector: str) -> np.ndarray:
    """The same of a grey one: its brightness (side, side)."""
    return picture(page, selector)[:, :, 0]


def strokes(page: Page) -> list[list[Point]]:
    script = "Demo.Input.pad.strokes.map((all) => all.map(({ x, y }) => [x, y]))"
    return page.evaluate(script)


def draw(page: Page, points: list[Point], steps: int = 2) -> None:
    """A stroke by mouse."""
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=steps)
    page.mouse.up()


def decode(model: VAE, latents: np.ndarray) -> np.ndarray:
    """The pixels that PyTorch gives."""
    with torch.no_grad():
        return torch.sigmoid(model.decode(torch.tensor(latents[None]).float()))[0].numpy()


def encode(model: VAE, pixels: torch.Tensor) -> np.ndarray:
    """The means that PyTorch gives."""
    with torch.no_grad():
        return model.encode(pixels)[0].numpy()


def press_pure(page: Page, name: int | str) -> None:
    page.get_by_role("button", name=f"Pure {name}").click()


def label_of(page: Page) -> int:
    """Of the test digit that is shown."""
    return int(page.locator("#source").text_content()[-1])


class Hand:
    """Touches, a pen and a mouse on one element; places are shares of its box."""

    def __init__(self, page: Page, selector: str) -> None:
        page.locator(selector).scroll_into_view_if_needed()
        self.page, self.box = page, page.locator(selector).bounding_box()
        self.session = page.context.new_cdp_session(page)
        self.down: dict[int, Point] = {}

    def at(self, x: float, y: float) -> dict[str, float]:
        box = self.box
        return {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}

    def touch(self, kind: str) -> None:
        points = [{**self.at(*place), "id": finger} for finger, place in self.down.items()]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def press(self, finger: int, place: Point) -> None:
        self.down[finger] = place
        self.touch("touchStart")

    def move(self, finger: int, *places: Point) -> None:
        for place in places:
            self.down[finger] = place
            self.touch("touchMove")

    def lift(self, finger: int) -> None:
        del self.down[finger]
        self.touch("touchEnd")

    def cancel(self) -> None:
        self.down = {}
        self.touch("touchCancel")

    def stroke(self, finger: int, places: list[Point]) -> None:
        self.press(finger, places[0])
        self.move(finger, *places[1:])
        self.lift(finger)

    def point(self, kind: str, place: Point, pointer: str, buttons: int) -> None:
        """One event of a mouse or pen."""
        event: dict[str, Any] = {"type": kind, "pointerType": pointer, "buttons": buttons}
        if kind != "mouseMoved":
            event |= {"button": "left", "clickCount": 1}
        self.session.send("Input.dispatchMouseEvent", event | self.at(*place))

    def begin(self, places: list[Point], pointer: str = "mouse") -> None:
        """A stroke whose end is yet to come."""
        self.point("mousePressed", places[0], pointer, 1)
        for place in places[1:]:
            self.point("mouseMoved", place, pointer, 1)
