"""A Python that has imported already, for the tests that start stages; see `fanout.warm`."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from fanout.guard import kill
from fanout.warm import start


@cache
def warm_python() -> Path:
    """A folder to be put first in PATH; its server ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="python-"))
    server = start(folder)
    atexit.register(shutil.rmtree, folder)
    atexit.register(kill, server)
    return folder
