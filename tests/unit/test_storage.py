import numpy as np
import pandas as pd
import pytest

from grvae.base.errors import GrvaeError
from grvae.base.storage import (
    arrays_sha256,
    load_arrays,
    load_json,
    load_table,
    save_arrays,
    save_json,
    save_table,
)

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([7], dtype=np.int64)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "arrays.safetensors"
    save_arrays(path, ARRAYS, about={"z": 1, "a": [2]})
    return path


def test_arrays_and_their_description_come_back(path):
    arrays, about = load_arrays(path)
    assert about == {"z": 1, "a": [2]}
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "a": [[0, 1, 2], [3, 4, 5]],
        "b": [7],
    }


def test_the_same_arrays_give_the_same_bytes(path):
    first = path.read_bytes()
    save_arrays(path, dict(reversed(ARRAYS.items())), about={"a": [2], "z": 1})
    assert path.read_bytes() == first


def test_every_flipped_bit_is_found(path):
    good = path.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1
        path.write_bytes(bad)
        try:
            arrays, _ = load_arrays(path)
        except GrvaeError as error:
            assert str(path) in str(error)
        else:  # a flip in the description or in padding leaves the arrays whole
            assert arrays.keys() == ARRAYS.keys()
            assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    def fail(file):
        raise OSError(28, "disk full")

    path = tmp_path / "value.json"
    save_json(path, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_json(path, float("nan"))
    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(GrvaeError, match=r"cannot write .*value.json: disk full"):
        save_json(path, 2)
    assert load_json(path) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["value.json"]


def test_floats_in_a_table_come_back_exactly(tmp_path):
    table = pd.DataFrame({"x": [0.1, 1 / 3, 1e-300], "y": ["a", "b", "c"]})
    save_table(tmp_path / "table.csv", table)
    pd.testing.assert_frame_equal(load_table(tmp_path / "table.csv"), table)


def test_sha256_of_arrays_depends_on_their_types_and_not_on_their_order():
    one, two = np.arange(3), np.zeros((2, 2), np.float32)
    usual = arrays_sha256({"one": one, "two": two})
    assert arrays_sha256({"two": two, "one": one}) == usual
    assert arrays_sha256({"one": one, "two": two.astype(np.float64)}) != usual
