"""A pipeline that a `.dvcignore` hides is seen while it is asked for, and only then."""

import subprocess
import sys

import pytest

from fanout.hidden import in_sight, only_caller

FILE = "more/dvc.yaml"


@pytest.fixture
def ignore(tmp_path):
    ignore = tmp_path / "more" / ".dvcignore"
    ignore.parent.mkdir()
    ignore.with_name("dvc.yaml").touch()
    ignore.write_text("# why\ndvc.yaml\n")
    return ignore


def test_pipeline_is_in_sight_until_the_end_however_that_comes(tmp_path, ignore):
    text = ignore.read_text()
    with pytest.raises(KeyboardInterrupt), in_sight(tmp_path, FILE):
        assert not ignore.exists()
        raise KeyboardInterrupt
    assert ignore.read_text() == text


def test_ignore_file_that_hides_no_pipeline_stays(tmp_path, ignore):
    ignore.write_text("*.tmp\n")
    with in_sight(tmp_path, FILE):
        assert ignore.exists()


def test_other_pipelines_stay_hidden(tmp_path, ignore):
    with in_sight(tmp_path, "dvc.yaml"):
        assert ignore.exists()


def test_command_sees_the_pipeline_and_its_exit_code_is_returned(tmp_path, ignore):
    code = "import os, sys; sys.exit(3 + os.path.exists('more/.dvcignore'))"
    command = [sys.executable, "-m", "fanout.hidden", FILE, sys.executable, "-c", code]
    assert subprocess.run(command, cwd=tmp_path).returncode == 3
    assert ignore.exists()


def test_what_a_killed_process_has_left_is_hidden_again(tmp_path, ignore):
    text = ignore.read_text()
    code = f"import os\nwith in_sight(Path(), {FILE!r}):\n    os.kill(os.getpid(), 9)"
    code = f"from pathlib import Path\nfrom fanout.hidden import in_sight\n{code}"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    assert not ignore.exists()
    with only_caller(tmp_path):
        assert ignore.read_text() == text


@pytest.mark.parametrize("file", ["none/dvc.yaml", "/nowhere/dvc.yaml"])
def test_file_that_is_no_pipeline_is_refused_in_one_line(tmp_path, file):
    command = [sys.executable, "-m", "fanout.hidden", file, "true"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: got '{file}', should be a dvc.yaml")
