"""Letters are drawn from fonts: the same bytes each time, families apart, packages verified."""

import csv
import hashlib
import tarfile
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from grvae.base.errors import GrvaeError
from grvae.data import letters
from grvae.data.sets import load_dataset

FACE = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def test_small_set_has_26_classes_in_two_splits_and_needs_no_network(monkeypatch):
    monkeypatch.setattr(letters, "SMALL_COPIES", 1)
    monkeypatch.setenv("PATH", "")
    train, test, receipt = load_dataset("letters_small")
    assert receipt["classes"] == list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert (set(train.counts().values()), set(test.counts().values())) == ({18}, {4})
    assert receipt["test_images_in_train"] == 0


def test_letters_come_out_the_same_each_time_and_copies_differ():
    first, again = (letters.render([("a", FACE.read_bytes())], 28, 2).images for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not (first[::2] == first[1::2]).all(axis=(1, 2)).any()
    assert (letters.render([("b", FACE.read_bytes())], 28, 2).images != first).any()


def test_fonts_are_listed_once_with_licence_and_split():
    with letters.FONTS.open(encoding="utf-8", newline="") as file:
        fonts = list(csv.DictReader(file))
    assert len({font["family"] for font in fonts}) == len(fonts) > 100
    assert {font["licence"] for font in fonts} <= {"OFL-1.1", "Apache-2.0", "UFL-1.0"}
    assert {font["split"] for font in fonts} == {"train", "test"}


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """Two listed families of fonts, in packages that npm is said to have."""
    packed = tmp_path / "expo-google-fonts-plain-1.0.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("400Regular/Plain_400Regular.ttf", "900Black/Plain_900Black.ttf"):
            archive.add(FACE, f"package/{name}")
    (tmp_path / "npm").write_text(
        f"#!/bin/sh\ncp {packed} .\ncp {packed} {packed.name.replace('plain', 'other')}\n"
    )
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    known = {"version": "1.0", "sha256": hashlib.sha256(packed.read_bytes()).hexdigest()}
    splits = {"plain": "train", "other": "test"}
    rows = [{"family": name, "split": split, **known} for name, split in splits.items()]
    pd.DataFrame(rows).to_csv(tmp_path / "fonts.csv", index=False)
    monkeypatch.setattr(letters, "FONTS", tmp_path / "fonts.csv")
    monkeypatch.setattr(letters, "COPIES", 1)
    return rows


def test_packages_are_fetched_once_and_told_of(fonts, tmp_path):
    told = []
    kept = tmp_path / "kept"
    kept.mkdir()
    train, _, _ = load_dataset("letters", kept, say=told.append)
    assert len(train.labels) == 26  # the regular face alone
    assert told == ["letters: fetching fonts 1 to 2 of 2 by npm"]
    (tmp_path / "npm").unlink()
    load_dataset("letters", kept, say=told.append)
    assert len(told) == 1


def test_package_that_is_another_one_or_not_to_be_had_is_said_to_be_and_not_kept(fonts, tmp_path):
    with pytest.raises(GrvaeError, match="the package of plain is another one"):
        letters.fetch([fonts[0] | {"sha256": "0"}], tmp_path / "kept", print)
    (tmp_path / "npm").write_text("#!/bin/sh\necho no network >&2; exit 1")
    expected = r"no fonts, npm pack .*: no network; dataset=letters_small"
    with pytest.raises(GrvaeError, match=expected):
        letters.fetch(fonts, tmp_path / "kept", print)
    assert list((tmp_path / "kept").iterdir()) == []
