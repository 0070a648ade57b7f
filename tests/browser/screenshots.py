"""Take the pictures of a built page that README and docs show, small enough for git.

python -m tests.browser.screenshots reports/demo docs
"""

import io
from pathlib import Path

import click
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import DESKTOP, launch_chromium

PATIENCE = 120_000  # milliseconds, on a busy machine
COLOURS = 256  # of a palette: with fewer, the small coloured marks turn grey
# Of each picture: the section, and what is done before.
PICTURES = {
    "demo-desktop-light": ("#try", "0"),
    "demo-learn-light": ("#learn", "Demo.Models.figure.stepBy(5)"),
}


@click.command()
@click.argument("page_folder", type=click.Path(path_type=Path, exists=True))
@click.argument("out_folder", type=click.Path(path_type=Path))
def take_screenshots(page_folder: Path, out_folder: Path) -> None:
    """Show the first test digit as it is encoded and, of the explanation, the rule of the gate."""
    address = (page_folder.absolute() / "index.html").as_uri()
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for name, (section, action) in PICTURES.items():
            page = browser.new_page(color_scheme="light", reduced_motion="reduce", **DESKTOP)
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            expect(page.locator("#misclassified")).to_be_enabled(timeout=PATIENCE)
            page.evaluate(f"void {action}")
            page.mouse.move(0, 0)
            (out_folder / f"{name}.png").write_bytes(picture(page, section))
            page.close()
        browser.close()


def picture(page: Page, section: str) -> bytes:
    """A section as PNG with a palette."""
    taken = page.locator(section).first.screenshot()
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    written = io.BytesIO()
    image.quantize(COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    take_screenshots()
