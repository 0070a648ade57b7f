"""Where caller and workers meet."""

import pytest

pytest.importorskip("distributed")

from fanout.exchange import open_exchange


def test_what_a_killed_caller_left_in_the_shared_cache_the_next_one_removes(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr("fanout.exchange.ask_dvc", lambda *_: f"{cache}\n")
    (tmp_path / ".dvc" / "tmp").mkdir(parents=True)
    cache.mkdir()
    killed = open_exchange(tmp_path, [], b"project", "first", None)
    killed.__enter__()  # and never left
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["first"]
    with open_exchange(tmp_path, [], b"project", "second", None):
        assert [path.name for path in cache.rglob("*") if path.is_file()] == ["second"]
    assert [path.name for path in cache.rglob("*") if path.is_file()] == []
