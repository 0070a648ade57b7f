"""Firefox and WebKit, from Debian, each on this machine alone, driven by what W3C standardised.

Debian has no geckodriver: Firefox is spoken to as WebDriver BiDi, which it serves itself, and
WebKit as WebDriver. Both take the same lists of actions for pointer and keyboard.
"""

import contextlib
import json
import os
import shutil
import subprocess
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.bidi.common import command_builder
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.websocket_connection import WebSocketConnection
from selenium.webdriver.webkitgtk.options import Options

from tests.fanout.engines import free_port, install, listens, running, wait_for

WIDTH, HEIGHT = 1280, 860
PATIENCE = 60  # seconds, on a busy machine
# Whatever Firefox looks for outside goes to a port of this machine where nobody listens.
FIREFOX_PREFERENCES = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}


# WebKit tells nobody what its console says: there, a page must listen to itself.
WATCH = """"use strict";
window.complaints = [];
{
  const note = (text) => complaints.push(String(text));
  const missing = (element) => `${element.src || element.href} could not be loaded`;
  addEventListener("error", (event) => note(event.message ?? missing(event.target)), true);
  addEventListener("unhandledrejection", (event) => note(event.reason));
  addEventListener("securitypolicyviolation", (event) =>
    note(`${event.effectiveDirective} forbids ${event.blockedURI}`));
  console.error = (...all) => note(all.join(" "));
}
"""


def watch(page: Path, folder: Path) -> Path:
    """Copy a built page and let it note its own errors; returns the folder of the copy."""
    copy = Path(shutil.copytree(page, folder / "page"))
    (copy / "watch.js").write_text(WATCH)
    index = (copy / "index.html").read_text()
    assert index.count("<head>") == 1
    head = '<head>\n<script src="watch.js"></script>'
    (copy / "index.html").write_text(index.replace("<head>", head))
    return copy


class Engine(ABC):
    """A browser with one window."""

    def __init__(self) -> None:
        self.noted: list[str] = []

    @abstractmethod
    def visit(self, address: str) -> None:
        """Load a page and wait for it."""

    @abstractmethod
    def evaluate_text(self, expression: str) -> str:
        """The text that an expression gives in the page."""

    @abstractmethod
    def perform(self, source: dict[str, Any]) -> None:
        """Let one input device do its actions; see https://www.w3.org/TR/webdriver2/#actions."""

    def complaints(self) -> list[str]:
        """The errors since the last call, of all pages that `watch` has changed."""
        self.noted += self.evaluate("window.complaints?.splice(0) ?? []")
        noted, self.noted = self.noted, []
        return noted

    def open(self, address: str) -> None:
        """Load an address anew, even where it differs from the present one in its hash alone."""
        self.noted = self.complaints()
        self.visit("about:blank")
        self.visit(address)
        self.wait("document.documentElement.dataset.ready === 'true'")

    def evaluate(self, expression: str) -> Any:
        """What an expression gives in the page, if JSON can say it."""
        return json.loads(self.evaluate_text(f"JSON.stringify({expression})"))

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent")

    def wait(self, expression: str) -> None:
        """Until an expression is true in the page."""
        wait_for(lambda: self.evaluate(f"Boolean({expression})"), PATIENCE)

    def drag(self, selector: str, points: Sequence[tuple[float, float]]) -> None:
        """With the mouse button held, from the first point to the last, in shares of an element."""
        left, top, width, height = self.evaluate(
            f"""((element) => {{
                element.scrollIntoView({{ block: "center" }});
                const box = element.getBoundingClientRect();
                return [box.left, box.top, box.width, box.height];
            }})(document.querySelector({json.dumps(selector)}))"""
        )
        first, *others = [
            {
                "type": "pointerMove",
                "x": round(left + x * width),
                "y": round(top + y * height),
                "duration": 40,
            }
            for x, y in points
        ]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self.perform(
            {
                "type": "pointer",
                "id": "mouse",
                "parameters": {"pointerType": "mouse"},
                "actions": [first, down, *others, up],
            }
        )

    def click(self, selector: str) -> None:
        self.drag(selector, [(0.5, 0.5)])

    def press(self, keys: str) -> None:
        """One key after the other, wherever the focus is; Selenium's `Keys` names the others."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.perform({"type": "key", "id": "keyboard", "actions": actions})


class Firefox(Engine):
    def __init__(self, connection: WebSocketConnection) -> None:
        super().__init__()
        self.connection = connection
        self.tell("session.new", capabilities={})
        connection.add_callback(LogEntry, self.note)
        self.tell("session.subscribe", events=[LogEntry.event_class])
        # Of the tab that Firefox starts with, the address bar has the focus.
        self.window = self.tell("browsingContext.create", type="tab")["context"]
        self.tell(
            "browsingContext.setViewport",
            context=self.window,
            viewport={"width": WIDTH, "height": HEIGHT},
        )

    def tell(self, method: str, **parameters: object) -> dict[str, Any]:
        return self.connection.execute(command_builder(method, parameters))

    def note(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            self.noted.append(entry["text"])

    def visit(self, address: str) -> None:
        self.tell("browsingContext.navigate", context=self.window, url=address, wait="complete")

    def evaluate_text(self, expression: str) -> str:
        answer = self.tell(
            "script.evaluate",
            expression=expression,
            target={"context": self.window},
            awaitPromise=False,
        )
        assert answer["type"] == "success", answer
        return answer["result"]["value"]

    def perform(self, source: dict[str, Any]) -> None:
        self.tell("input.performActions", context=self.window, actions=[source])


class LogEntry:
    """What Selenium must know of an event, to pass it on."""

    event_class = "log.entryAdded"

    @staticmethod
    def from_json(entry: dict[str, Any]) -> dict[str, Any]:
        return entry


@contextlib.contextmanager
def firefox(folder: Path) -> Iterator[Firefox]:
    """Debian's Firefox without a screen, with a profile in a folder."""
    install(("firefox-esr",), "firefox-esr")
    profile, log = folder / "profile", folder / "firefox.log"
    profile.mkdir()
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n"
        for name, value in FIREFOX_PREFERENCES.items()
    ]
    (profile / "user.js").write_text("".join(lines))
    command = ["firefox-esr", "--headless", "--remote-debugging-port=0", "--profile", str(profile)]
    with running(*command, log=log, env=os.environ | {"HOME": str(folder)}):
        written = profile / "WebDriverBiDiServer.json"
        wait_for(lambda: written.is_file() and written.read_text(), PATIENCE)
        server = json.loads(written.read_text())
        address = f"ws://{server['ws_host']}:{server['ws_port']}/session"
        connection = WebSocketConnection(address, PATIENCE, 0.005)
        try:
            yield Firefox(connection)
        finally:
            connection.close()


class WebKit(Engine):
    def __init__(self, driver: webdriver.Remote) -> None:
        super().__init__()
        self.driver = driver
        driver.set_window_size(WIDTH, HEIGHT)

    def visit(self, address: str) -> None:
        self.driver.get(address)

    def evaluate_text(self, expression: str) -> str:
        return self.driver.execute_script(f"return {expression}")

    def perform(self, source: dict[str, Any]) -> None:
        self.driver.execute(Command.W3C_ACTIONS, {"actions": [source]})


@contextlib.contextmanager
def webkit(folder: Path) -> Iterator[WebKit]:
    """Debian's WebKit on a screen of its own, which no one sees."""
    install(("webkit2gtk-driver",), "WebKitWebDriver")
    install(("xvfb",), "Xvfb")
    screen = ["-screen", "0", f"{WIDTH + 100}x{HEIGHT + 200}x24", "-nolisten", "tcp"]
    with contextlib.ExitStack() as stack:
        command = ["Xvfb", "-displayfd", "1", *screen]
        xvfb = stack.enter_context(
            running(*command, log=folder / "xvfb.log", stdout=subprocess.PIPE)
        )
        display = xvfb.stdout.readline().strip()
        assert display, (folder / "xvfb.log").read_text()
        environment = os.environ | {"DISPLAY": f":{display}", "HOME": str(folder)}
        command = ["WebKitWebDriver", f"--port={(port := free_port())}"]
        stack.enter_context(running(*command, log=folder / "driver.log", env=environment))
        wait_for(lambda: listens(port), PATIENCE)
        (program,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
        options = Options()
        options.binary_location = str(program)
        options.add_argument("--automation")
        with warnings.catch_warnings(category=DeprecationWarning, action="ignore"):
            # Selenium warns of its own call.
            driver = webdriver.Remote(f"http://127.0.0.1:{port}", options=options)
        stack.callback(driver.quit)
        yield WebKit(driver)


ENGINES = {"firefox": firefox, "webkit": webkit}
