"""What is wrong with a project, a machine or a command is said in one line."""

import getpass

import pytest

from fanout.__main__ import main
from tests.fanout.toy import GRAPH

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep")  # DVC's own, by pygtrie


def error(capsys, *arguments):
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.err.count("\n") == 1
    return output.err


@pytest.fixture
def here(done, monkeypatch):
    """In the toy's folder, with the environment as it was at the end."""
    monkeypatch.chdir(done.folder)
    for name in ("PATH", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.setenv(name, "1")  # to be put back
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return done


def test_merge_conflict_in_the_lock_is_quoted_and_left_alone(here, capsys):
    conflict = f"<<<<<<< HEAD\n{here.read('dvc.lock')}=======\n>>>>>>> other\n"
    here.write("dvc.lock", conflict)
    assert error(capsys).startswith("Error: unable to read: 'dvc.lock', YAML file structure is")
    assert here.read("dvc.lock") == conflict


def test_typo_in_the_pipeline_is_quoted_with_its_place(here, capsys):
    here.write("dvc.yaml", GRAPH.replace("    deps:", "    dep:", 1))
    place = "extra keys not allowed @ data['stages']['summarise']['dep']"
    assert f"'./dvc.yaml' validation failed: {place}" in error(capsys)


def test_pipeline_that_does_not_exist_is_named(here, capsys):
    assert "/elsewhere/dvc.yaml' does not exist" in error(capsys, "elsewhere/dvc.yaml")


def test_folder_without_a_project_is_named(here, capsys, monkeypatch):
    monkeypatch.chdir("/")
    assert error(capsys).startswith("Error: you are not inside of a DVC repository")


def test_folder_that_dvc_cannot_write_is_named(here, capsys):
    (here.folder / ".dvc" / "config.local").write_text("[core]\nsite_cache_dir = /proc/none\n")
    assert error(capsys) == "Error: [Errno 2] No such file or directory: '/proc/none'\n"


def test_user_without_a_name_is_told(here, capsys, monkeypatch):
    def no_user():
        raise KeyError("getpwuid(): uid not found: 4321")

    monkeypatch.setattr(getpass, "getuser", no_user)
    assert "uid not found: 4321" in error(capsys)


def test_scheduler_that_does_not_answer_is_named(here, capsys, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("fanout.cluster.CONNECT_TIMEOUT", "1s")
    message = error(capsys, "--scheduler", "tcp://127.0.0.1:9")
    assert message.startswith("Error: no Dask scheduler at 'tcp://127.0.0.1:9': ")


@pytest.mark.parametrize("arguments", [["-j", "0"], ["-j", "2", "--scheduler", "tcp://x:1"]])
def test_options_that_make_no_sense_are_refused(here, capsys, arguments):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error: " in capsys.readouterr().err
