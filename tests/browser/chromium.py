"""Debian's Chromium, driven by Playwright, and the sizes of screen that it pretends to have."""

import shutil
from typing import Any

from playwright.sync_api import Browser, Playwright

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
    """Start it or, where it is missing, Playwright's own; it may reach nothing but this machine."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
