"""Parts of the fan-out that need no pipeline."""

import ast
import sys
from types import ModuleType

import pytest

from fanout.job import describe_exit
from fanout.local import as_module, own_modules
from fanout.resources import count_cores, free_memory, processes_that_fit
from tests.conftest import PROJECT


def test_it_imports_nothing_of_the_project():
    for file in (PROJECT / "fanout").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {"grvae", "stages", "studies"} & {name.split(".")[0] for name in names}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m a.b --x 'two words'", ({}, ["a.b", "--x", "two words"])),
        ("PYTHONSAFEPATH= PYTHONPATH=../.. python3 -m a",
         ({"PYTHONSAFEPATH": "", "PYTHONPATH": "../.."}, ["a"])),
        ("PYTHONPATH=.. python -B -m a", ({"PYTHONPATH": ".."}, ["a"])),
        ("OMP_NUM_THREADS=4 python -m a", None),  # read when a library is loaded
        ("python -m a > out.txt", None),
        ("python -m a $HOME", None),
        ("python -u -m a", None),
        ("python a.py", None),
        ("cd x && python -m a", None),
    ],
)  # fmt: skip
def test_only_a_plain_module_is_run_without_a_shell(command, expected):
    assert as_module(command) == expected


def test_only_the_project_s_modules_are_taken_for_its_own(monkeypatch):
    """Modules of torch that come from no file say that they come from `_ops.py`."""
    without_file = ModuleType("torch.classes")
    without_file.__file__ = "_ops.py"
    monkeypatch.setitem(sys.modules, "torch.classes", without_file)
    packages = {name.split(".")[0] for name in own_modules()}
    assert {"fanout", "tests"} <= packages
    assert not {"torch", "numpy", "pytest", "json"} & packages


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, None), (1, "exit code 1"), (-15, "ended by SIGTERM"), (137, "killed, probably")],
)
def test_exit_code_is_described(code, said):
    described = describe_exit(code)
    assert described == said or described.startswith(said)


@pytest.mark.parametrize(
    ("processes", "free", "expected"), [(4, 6.1e9, 4), (4, 5e9, 3), (4, 1e9, 1), (2, 9e9, 2)]
)
def test_as_many_processes_start_as_memory_has_room_for_and_at_least_one(processes, free, expected):
    assert processes_that_fit(processes, 1.5e9, free) == expected


def test_limits_of_a_container_count(tmp_path):
    machine = free_memory(tmp_path), count_cores(tmp_path)
    for name, text in {
        "memory.max": "5000000", "memory.current": "2000000", "cpu.max": "100000 100000"
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    assert (free_memory(tmp_path), count_cores(tmp_path)) == (3000000, 1)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert free_memory(tmp_path) > 3000000 < machine[0]
    assert count_cores(tmp_path) == machine[1]


def test_limits_of_an_older_container_count(tmp_path):
    for name, text in {
        "memory/memory.limit_in_bytes": "5000000", "memory/memory.usage_in_bytes": "1000000",
        "cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert (free_memory(tmp_path), count_cores(tmp_path)) == (4000000, 1)
