"""A pipeline that a `.dvcignore` hides is seen while it is asked for, and only then."""

import subprocess
import sys

import pytest

from fanout.hidden import hide_again, in_sight

FILE = "more/dvc.yaml"


@pytest.fixture
def ignore(tmp_path):
    ignore = tmp_path / "more" / ".dvcignore"
    ignore.parent.mkdir()
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
    hide_again(tmp_path)
    assert ignore.read_text() == text
