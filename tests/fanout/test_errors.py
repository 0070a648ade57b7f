"""What is wrong with a project, a machine or a command is said in one line."""

import getpass

import pytest

from fanout.__main__ import main
from tests.fanout.toy import GRAPH, Toy


def error(toy, *arguments):
    output = toy.fan_out(*arguments, code=1)
    assert output.count("\n") == 1
    return output


def test_merge_conflict_in_the_lock_is_quoted_and_left_alone(done):
    conflict = f"<<<<<<< HEAD\n{done.read('dvc.lock')}=======\n>>>>>>> other\n"
    done.write("dvc.lock", conflict)
    assert error(done).startswith("Error: unable to read: 'dvc.lock', YAML file structure is")
    assert done.read("dvc.lock") == conflict


def test_typo_in_the_pipeline_is_quoted_with_its_place(toy):
    toy.write("dvc.yaml", GRAPH.replace("    deps:", "    dep:", 1))
    place = "extra keys not allowed @ data['stages']['summarise']['dep']"
    assert f"'./dvc.yaml' validation failed: {place}" in error(toy)


def test_folder_without_a_project_is_named(tmp_path):
    assert error(Toy(tmp_path)).startswith("Error: you are not inside of a DVC repository")


def test_folder_that_dvc_cannot_write_is_named(toy):
    toy.write(".dvc/config.local", "[core]\nsite_cache_dir = /proc/none\n")
    assert error(toy) == "Error: [Errno 2] No such file or directory: '/proc/none'\n"


def test_user_without_a_name_is_told(toy, monkeypatch):
    def no_user():
        raise KeyError("getpwuid(): uid not found: 4321")

    monkeypatch.setattr(getpass, "getuser", no_user)
    assert "uid not found: 4321" in error(toy)


def test_scheduler_that_does_not_answer_is_named(toy, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("fanout.cluster.CONNECT_TIMEOUT", "1s")
    message = error(toy, "--scheduler", "tcp://127.0.0.1:9")
    assert message.startswith("Error: no Dask scheduler at 'tcp://127.0.0.1:9': ")


@pytest.mark.parametrize("arguments", [["-j", "0"], ["-j", "2", "--scheduler", "tcp://x:1"]])
def test_options_that_make_no_sense_are_refused(capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error: " in capsys.readouterr().err
