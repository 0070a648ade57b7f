"""Folders with classes of any name, and with very many pictures."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from grvae.base.errors import GrvaeError
from grvae.data.sets import load_dataset
from tests.fuzz.test_readers import FUZZ

pytestmark = pytest.mark.slow


@given(
    name=st.text(min_size=1, max_size=20).filter(
        lambda name: not {"/", "\0"} & set(name) and not name.startswith(".")
    )
)
@settings(max_examples=200, **FUZZ)
def test_class_with_any_name(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("images")
    for other in (name, "another class of this set"):
        try:
            (folder / other).mkdir()
        except (OSError, UnicodeEncodeError):  # no name for a folder
            return
        for number in range(10):
            Image.new("L", (9, 9), 9 * number).save(folder / other / f"{number}.png")
    try:
        assert len(load_dataset("mine", folder, side=16).train.classes) == 2
    except GrvaeError as error:
        assert "got the class name" in str(error)


def test_hundred_thousand_pictures_are_read_in_minutes(tmp_path):
    content = io.BytesIO()
    Image.new("L", (28, 28), 100).save(content, "PNG")
    for label in range(10):
        (tmp_path / f"class {label}").mkdir()
        for number in range(10_000):
            (tmp_path / f"class {label}" / f"{number}.png").write_bytes(content.getvalue())
    started = time.monotonic()
    train, test, _ = load_dataset("mine", tmp_path)
    assert (len(train.labels), len(test.labels)) == (80_000, 20_000)
    assert time.monotonic() - started < 300
