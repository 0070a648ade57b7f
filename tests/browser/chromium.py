"""Debian's Chromium, driven by Playwright, and the sizes of screen that it pretends to have."""

import shutil
import time
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 700},
    "has_touch": True,
    "is_mobile": True,
}
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def launch_chromium(playwright: Playwright) -> Browser:
    """Start Chromium, which may reach nothing but this machine.

    Raises:
        RuntimeError: it is not installed.
    """
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("Chromium is missing: apt-get install --no-install-recommends chromium")
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def wait_until(page: Page, expression: str, argument: object = None, seconds: float = 30) -> None:
    """Until an expression is true in the page.

    Playwright's own `wait_for_function` calls `eval` there, which the page's policy forbids.
    """
    end = time.monotonic() + seconds
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"not true after {seconds} s: {expression}"
        page.wait_for_timeout(20)
