"""A Python that starts at once runs a module as the usual one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fanout.guard import start_guarded
from fanout.warm import prepare
from tests.warm import warm_python

# What a module sees of the process that it runs in.
SEES = """\
import os, sys
print(os.getcwd(), sys.argv, __name__, sys.path[0], os.environ.get("MARK"), sys.stdin.read())
print("torch" in sys.modules, file=sys.stderr)
"""


@pytest.fixture
def warm() -> str:
    return str(warm_python() / "python")


def run(python: str, folder: Path, code: str, *arguments: str, **variables: str):
    (folder / "module.py").write_text(code)
    return subprocess.run(
        [python, "-m", "module", *arguments], cwd=folder, env=os.environ | variables,
        input="given", capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_module_sees_what_it_sees_of_the_usual_python(warm, tmp_path):
    copy = run(warm, tmp_path, SEES, "--a", "b c", MARK="1")
    usual = run(sys.executable, tmp_path, SEES, "--a", "b c", MARK="1")
    assert copy.stdout == usual.stdout
    assert (copy.stderr, usual.stderr) == ("True\n", "False\n")


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no such digit')", 1, "no such digit\n"),
        ("raise ValueError('odd')", 1, "ValueError: odd\n"),
        ("import os; os.kill(os.getpid(), 9)", 137, ""),
    ],
)
def test_exit_code_and_last_words_are_those_of_the_module(warm, tmp_path, code, exit_code, says):
    result = run(warm, tmp_path, code)
    assert result.returncode == exit_code
    assert result.stderr.endswith(says)


def test_output_is_whole_at_the_end(warm, tmp_path):
    code = "import atexit; atexit.register(print, 'last'); print('x' * 100_000)"
    assert run(warm, tmp_path, code).stdout == "x" * 100_000 + "\nlast\n"


def test_own_packages_come_from_the_folder_of_whoever_asks(warm, tmp_path):
    (tmp_path / "grvae").mkdir()
    (tmp_path / "grvae" / "__init__.py").write_text("NAME = 'another'")
    assert run(warm, tmp_path, "import grvae; print(grvae.NAME)").stdout == "another\n"


def test_copies_draw_different_numbers(warm, tmp_path):
    code = "import random; print(random.random())"
    assert run(warm, tmp_path, code).stdout != run(warm, tmp_path, code).stdout


@pytest.mark.parametrize("change", [{"OMP_NUM_THREADS": "7"}, {"PYTHONPATH": "/nowhere"}])
def test_what_libraries_read_while_they_load_asks_for_the_usual_python(warm, tmp_path, change):
    assert run(warm, tmp_path, SEES, **change).stderr == "False\n"


def test_code_on_the_command_line_is_run_by_the_usual_python(warm):
    command = [warm, "-c", "import sys; print('torch' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"


def test_without_a_server_the_usual_python_runs(tmp_path):
    prepare(tmp_path)
    assert run(str(tmp_path / "python"), tmp_path, SEES).stderr == "False\n"


def test_server_has_no_thread_that_a_copy_would_lack(warm, tmp_path):
    code = "import os; print(os.getppid())"
    server = psutil.Process(int(run(warm, tmp_path, code).stdout))
    assert server.num_threads() == 1


def test_copy_and_all_that_it_started_end_with_whoever_asked(warm, tmp_path):
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid} ')\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "module.py").write_text(code)
    asking = start_guarded([warm, "-m", "module"], tmp_path)
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().endswith(" ")) and time.monotonic() < deadline:
        time.sleep(0.02)
    members = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    os.killpg(asking.pid, signal.SIGKILL)
    assert psutil.wait_procs(members, timeout=10)[1] == []
    asking.stdin.close()
    asking.wait()


def test_torch_was_loaded_with_the_instruction_set_pinned(warm, tmp_path):
    code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    assert run(warm, tmp_path, code).stdout == "AVX2\n"
