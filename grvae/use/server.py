"""A web server for the page in one folder, on this machine only.

It gives out the files of that folder and nothing else, and tells the browser to run nothing that
is not one of them.
"""

import errno
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from grvae.base.errors import GrvaeError

LOCALHOST = "127.0.0.1"
ANY_FREE_PORT = 0
HEADERS = {
    "Cache-Control": "no-cache",  # let no browser keep an outdated file
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


class PageServer(ThreadingHTTPServer):
    """A server that many clients may ask at once, and any may leave in the middle of an answer."""

    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class PageHandler(SimpleHTTPRequestHandler):
    """Serves the files of its folder without a log."""

    def send_head(self) -> Any:
        """Begin an answer: with a file of the folder, or with 404."""
        root = Path(self.directory).resolve()
        try:
            path = Path(self.translate_path(self.path))
            inside = path.resolve().is_relative_to(root)
            hidden = any(part.startswith(".") for part in path.relative_to(self.directory).parts)
            page = path.is_file() or (path / "index.html").is_file()
        except (OSError, RuntimeError, ValueError):  # a zero byte, links in a circle, a long name
            inside = hidden = page = False
        if not page or hidden or not inside:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Add the headers that every answer carries."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def open_server(folder: Path, port: int) -> PageServer:
    """A server bound to the port or, where that is taken, to a free one; it is not yet running.

    Args:
        folder: what to serve; must hold an index.html.
        port: the port to try first.

    Raises:
        GrvaeError: there is no page in the folder, or the port may not be used.
    """
    if not (folder / "index.html").is_file():
        raise GrvaeError(f"no index.html in {folder}")
    if not (folder / "index.html").resolve().is_relative_to(folder.resolve()):
        raise GrvaeError(f"{folder / 'index.html'} is a link out of its folder; put a copy there")
    handler = partial(PageHandler, directory=str(folder))
    try:
        return PageServer((LOCALHOST, port), handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return PageServer((LOCALHOST, ANY_FREE_PORT), handler)
        raise GrvaeError(f"cannot use port {port}: {error.strerror}") from error
