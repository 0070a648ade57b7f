"""A Python that starts at once runs a module as the usual one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fanout.guard import kill, start_guarded
from fanout.warm import SOCKET
from tests.project import ENVIRONMENT, start_warm, warm_python

# What a module sees of the process that it runs in.
SEES = """\
import os, sys
print(os.getcwd(), sys.argv, __name__, sys.path[0], os.environ.get("DVC_ROOT"), sys.stdin.read())
print("torch" in sys.modules, file=sys.stderr)
"""


@pytest.fixture
def warm() -> str:
    return str(warm_python() / "python")


def run(python: str, folder: Path, code: str, *arguments: str, **variables: str):
    (folder / "module.py").write_text(code)
    return subprocess.run(
        [python, "-m", "module", *arguments], cwd=folder, env=ENVIRONMENT | variables,
        input="given", capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_module_sees_what_it_sees_of_the_usual_python(warm, tmp_path):
    copy = run(warm, tmp_path, SEES, "--a", "b c", DVC_ROOT="/there")
    usual = run(sys.executable, tmp_path, SEES, "--a", "b c", DVC_ROOT="/there")
    assert copy.stdout == usual.stdout
    assert (copy.stderr, usual.stderr) == ("True\n", "False\n")


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [
        ("", 0, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit('no such digit')", 1, "no such digit\n"),
        ("raise ValueError('odd')", 1, "ValueError: odd\n"),
        ("import os; os.kill(os.getpid(), 15)", 143, ""),
    ],
)
def test_exit_code_and_last_words_are_those_of_the_module(warm, tmp_path, code, exit_code, says):
    result = run(warm, tmp_path, code)
    assert result.returncode == exit_code
    assert result.stderr.endswith(says)


def test_output_is_whole_at_the_end(warm, tmp_path):
    code = (
        "import atexit, threading, time\n"
        "atexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()\n"
        "print('x' * 100_000)"
    )
    assert run(warm, tmp_path, code).stdout == "x" * 100_000 + "\nlate\nlast\n"


def test_own_packages_come_from_the_folder_of_whoever_asks(warm, tmp_path):
    (tmp_path / "grvae").mkdir()
    (tmp_path / "grvae" / "__init__.py").write_text("NAME = 'another'")
    assert run(warm, tmp_path, "import grvae; print(grvae.NAME)").stdout == "another\n"


def test_who_has_another_variable_gets_the_usual_python(warm, tmp_path):
    assert run(warm, tmp_path, SEES, OMP_NUM_THREADS="7").stderr == "False\n"


def test_project_that_pins_the_maths_libraries_differently_gets_the_usual_python(warm, tmp_path):
    (tmp_path / "grvae").mkdir()
    pins = tmp_path / "grvae" / "__init__.py"
    pins.write_text("import os\nos.environ['ATEN_CPU_CAPABILITY'] = 'default'")
    assert run(warm, tmp_path, SEES).stderr == "False\n"


def test_code_on_the_command_line_is_run_by_the_usual_python(warm):
    command = [warm, "-c", "import sys; print('torch' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"


def test_without_its_server_the_usual_python_runs(tmp_path):
    server = start_warm(tmp_path)
    kill(server)
    server.wait()
    assert (tmp_path / SOCKET).exists()
    assert run(str(tmp_path / "python"), tmp_path, SEES).stderr == "False\n"


def test_module_ends_well_where_its_server_has_been_killed_meanwhile(tmp_path):
    server = start_warm(tmp_path)
    code = (
        "import os, sys, time\n"
        "assert 'torch' in sys.modules\n"  # else its parent is this process
        "print(os.getppid(), flush=True)\n"
        "time.sleep(0.5)\n"
        "raise SystemExit(3)\n"
    )
    (tmp_path / "module.py").write_text(code)
    command = [str(tmp_path / "python"), "-m", "module"]
    asking = subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )
    with asking, asking.stdout:
        os.kill(int(asking.stdout.readline()), signal.SIGKILL)
        assert asking.wait(timeout=60) == 3
    kill(server)
    server.wait()


def test_server_has_no_thread_that_a_copy_would_lack(warm, tmp_path):
    code = "import os, sys; assert 'torch' in sys.modules; print(os.getppid())"
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
    asking = start_guarded([warm, "-m", "module"], tmp_path, ENVIRONMENT)
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not (pids.exists() and pids.read_text().endswith(" ")) and time.monotonic() < deadline:
        time.sleep(0.02)
    members = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    os.killpg(asking.pid, signal.SIGKILL)
    assert psutil.wait_procs(members, timeout=10)[1] == []
    asking.stdin.close()
    asking.wait()


def test_torch_was_loaded_as_the_project_pins_it(warm, tmp_path):
    code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    usual = subprocess.check_output(
        [sys.executable, "-c", f"import grvae\n{code}"], env=ENVIRONMENT, text=True
    )
    assert run(warm, tmp_path, code).stdout == usual
