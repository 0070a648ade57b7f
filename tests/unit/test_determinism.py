import subprocess
import sys

import pytest
import torch

from grvae.base.determinism import PINS, repeatable
from tests.conftest import PROJECT

ELSEWHERE = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT)}
RIGHT = PINS["numpy"] | PINS["torch"]
CHANGED = """
import os, {first}
before = dict(os.environ)
import grvae
print({{name for name in os.environ if os.environ[name] != before.get(name)}} or "nothing")
"""


def python(code, **variables):
    """What another Python prints, and its warnings."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=ELSEWHERE | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip(), result.stderr


# As torch does, a module of the same name stands in for the library that was loaded before.
@pytest.mark.parametrize("first", ["numpy", "torch"])
def test_library_that_was_loaded_before_the_pins_is_named_and_the_others_are_pinned(first):
    changed, warning = python(CHANGED.format(first=f"sys; sys.modules['{first}'] = sys"))
    (other,) = set(PINS) - {first}
    assert set(PINS[other]) == eval(changed)
    assert f"grvae was imported after {first}, too late" in warning
    assert all(f"{name}={pin}" in warning for name, pin in PINS[first].items())
    assert "<string>:4: RuntimeWarning" in warning  # where the user has imported it


def test_library_that_was_loaded_with_the_right_variables_is_no_reason_to_warn():
    loaded = "sys; sys.modules['numpy'] = sys.modules['torch'] = sys"
    changed, warning = python(CHANGED.format(first=loaded), **RIGHT)
    assert (changed, warning) == ("nothing", "")


BINDINGS = {
    "OMP_PROC_BIND": "true",
    "OMP_PLACES": "{0}",
    "GOMP_CPU_AFFINITY": "0",
    "KMP_AFFINITY": "compact",
    "KMP_HW_SUBSET": "1C",
}


@pytest.mark.parametrize("package", ["stages", "studies", "benchmarks", "grvae.use.cli"])
def test_our_processes_pin_the_maths_libraries_in_time_bind_no_thread_and_draw_files(package):
    expected = RIGHT | dict.fromkeys(BINDINGS) | {"MPLBACKEND": "agg"}
    code = f"import {package}, os; print([os.environ.get(name) for name in {[*expected]}])"
    elsewhere = {"MKL_CBWR": "COMPATIBLE", "MPLBACKEND": "module://matplotlib_inline"}
    assert python(code, **BINDINGS, **elsewhere) == (str([*expected.values()]), "")


SETTINGS = """
import os, warnings
import matplotlib, numpy, torch
def settings():
    import locale, random
    return [
        dict(os.environ), dict(matplotlib.rcParams), numpy.geterr(), warnings.filters[:],
        torch.get_num_threads(), torch.get_default_dtype(), torch.get_deterministic_debug_mode(),
        torch.is_grad_enabled(), torch.initial_seed(), random.getstate(), locale.setlocale(0),
        torch.get_float32_matmul_precision(), os.sched_getaffinity(0), os.getcwd(),
    ]
before = settings()
warnings.simplefilter("ignore")
import grvae.model.training, grvae.measure.evaluation, grvae.show.figures, grvae.use.pictures
import grvae.use.classification
warnings.filters[:] = before[3]
print([i for i, (a, b) in enumerate(zip(before, settings())) if a != b])
"""


def test_import_in_a_notebook_that_has_its_own_settings_changes_none():
    changed, _ = python(SETTINGS, MPLBACKEND="svg", OMP_PROC_BIND="true", OMP_NUM_THREADS="1")
    assert changed == "[]"


@pytest.fixture
def own_settings(set_threads):
    """A caller with settings of its own; torch's usual ones are put back at the end."""
    set_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.set_deterministic_debug_mode("warn")
    yield lambda: (
        torch.get_num_threads(),
        torch.get_default_dtype(),
        torch.get_deterministic_debug_mode(),
        torch.is_autocast_enabled("cpu"),
    )
    torch.set_default_dtype(torch.float32)
    torch.set_deterministic_debug_mode("default")


@pytest.mark.parametrize(("has_convolutions", "threads"), [(True, 1), (False, 2)])
def test_caller_s_settings_do_not_count_while_it_is_repeatable_and_do_afterwards(
    own_settings, has_convolutions, threads
):
    with torch.autocast("cpu"):
        before = own_settings()
        with pytest.raises(ZeroDivisionError), repeatable(has_convolutions):
            inside = own_settings()
            raise ZeroDivisionError
        assert own_settings() == before
    assert before == (2, torch.float64, 1, True)
    assert inside == (threads, torch.float32, 2, False)
