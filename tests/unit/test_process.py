import subprocess
import sys

import pytest

from grvae.base.determinism import PINS
from tests.conftest import PROJECT

BINDINGS = {
    "OMP_PROC_BIND": "true",
    "OMP_PLACES": "{0}",
    "GOMP_CPU_AFFINITY": "0",
    "KMP_AFFINITY": "compact",
    "KMP_HW_SUBSET": "1C",
}


def python(code, **variables):
    """What another Python prints in the project's folder."""
    environment = {"PATH": "/usr/bin:/bin", **variables}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", code]
    return subprocess.check_output(command, cwd=PROJECT, env=environment, text=True).strip()


@pytest.mark.parametrize("package", ["stages", "studies", "benchmarks", "grvae.use.cli"])
def test_our_processes_pin_the_maths_libraries_in_time_and_bind_no_thread_to_a_core(package):
    pins = PINS["numpy"] | PINS["torch"]
    code = f"import {package}, os; print([os.environ.get(name) for name in {[*pins, *BINDINGS]}])"
    assert python(code, **BINDINGS, MKL_CBWR="COMPATIBLE") == str(
        [*pins.values(), *[None] * len(BINDINGS)]
    )


def test_figures_are_drawn_whatever_backend_a_notebook_asks_for():
    code = """import stages, io, grvae.show.style as style
figure, (panel,) = style.make_panels(1, 1.0)
print(style.encode_png(figure)[1:4])"""
    assert python(code, MPLBACKEND="module://matplotlib_inline.backend_inline") == "b'PNG'"
