"""Take pictures of a built page in both themes and both widths, to be looked at.

python -m tests.browser.screenshots reports/demo docs
"""

from itertools import product
from pathlib import Path

import click
from playwright.sync_api import sync_playwright

from tests.browser.chromium import DESKTOP, PHONE, launch_chromium

SIZES = {
    "desktop": DESKTOP | {"device_scale_factor": 1.5},
    "phone": PHONE | {"device_scale_factor": 2},
}


@click.command()
@click.argument("page_folder", type=click.Path(path_type=Path, exists=True))
@click.argument("out_folder", type=click.Path(path_type=Path))
def take_screenshots(page_folder: Path, out_folder: Path) -> None:
    """Show a pure 7 in every theme and width."""
    address = (page_folder.absolute() / "index.html").as_uri()
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        for theme, size in product(["light", "dark"], SIZES):
            page = browser.new_page(color_scheme=theme, **SIZES[size])
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            page.get_by_role("button", name="Pure 7").click()
            page.mouse.move(0, 0)
            page.screenshot(path=out_folder / f"demo-{size}-{theme}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    take_screenshots()
