import subprocess
import sys

import pytest

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
    environment = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "2", **variables}
    return subprocess.check_output(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True
    ).strip()


@pytest.mark.parametrize("package", ["stages", "studies", "benchmarks", "grvae.use.cli"])
def test_binding_of_threads_to_cores_is_not_for_our_processes(package):
    code = f"import {package}, os; print(*({set(BINDINGS)} & set(os.environ)))"
    assert python(code, **BINDINGS) == ""


def test_stage_computes_on_the_cores_that_it_was_given():
    code = "import os; print(os.sched_getaffinity(0))"
    bound = python(f"import stages, torch; torch.ones(9) + 1; {code}", OMP_PROC_BIND="close")
    assert bound == python(code)


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "agg2", "TkAgg"])
def test_figures_are_drawn_whatever_backend_a_notebook_asks_for(backend):
    code = """import stages, io, grvae.show.style as style
figure, (panel,) = style.make_panels(1, 1.0)
print(style.encode_png(figure)[1:4])"""
    assert python(code, MPLBACKEND=backend) == "b'PNG'"
