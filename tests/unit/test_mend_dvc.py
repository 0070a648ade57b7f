import pytest

from tools.mend_dvc import mend


@pytest.mark.parametrize("torn", ["", '{"data": {"wri', "\x00\x00"])
def test_half_written_lock_is_removed(tmp_path, torn):
    (tmp_path / "rwlock").write_text(torn)
    assert mend(tmp_path / "rwlock")
    assert not (tmp_path / "rwlock").exists()


def test_whole_lock_is_kept(tmp_path):
    (tmp_path / "rwlock").write_text("{}")
    assert not mend(tmp_path / "rwlock")
    assert (tmp_path / "rwlock").exists()


def test_nothing_is_done_without_a_lock(tmp_path):
    assert not mend(tmp_path / "rwlock")
