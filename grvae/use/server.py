"""A web server for a folder on this machine only."""

import errno
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from grvae.base.errors import GrvaeError

LOCALHOST = "127.0.0.1"
ANY_FREE_PORT = 0


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log, and lets no browser keep an outdated one."""

    def end_headers(self) -> None:
        """Add the headers that every answer carries."""
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def open_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server bound to the port or, where that is taken, to a free one; it is not yet running.

    Args:
        folder: what to serve; must hold an index.html.
        port: the port to try first.

    Raises:
        GrvaeError: there is no page in the folder, or the port may not be used.
    """
    if not (folder / "index.html").is_file():
        raise GrvaeError(f"no index.html in {folder}")
    handler = partial(QuietHandler, directory=str(folder))
    try:
        return ThreadingHTTPServer((LOCALHOST, port), handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return ThreadingHTTPServer((LOCALHOST, ANY_FREE_PORT), handler)
        raise GrvaeError(f"cannot use port {port}: {error.strerror}") from error
