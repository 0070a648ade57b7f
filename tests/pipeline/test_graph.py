"""What `dvc.yaml` says agrees with what the code does; nothing is run."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import PROJECT

STAGES = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]
STUDY = YAML(typ="safe").load(PROJECT / "studies/dvc.yaml")["stages"]
# They only select and check values, and those are tracked one by one as `params`.
NOT_A_DEPENDENCY = {"grvae/params.py", "studies/runs.py"}
# Packages with nothing in them but a docstring, or an import of what all stages depend on.
EMPTY = {
    "stages/__init__.py",
    "studies/__init__.py",
}
NOT_A_DEPENDENCY |= EMPTY | {"grvae/__init__.py"}


def imported_files(file: Path) -> set[Path]:
    """The project's files that a file imports, directly."""
    found = set()
    for node in ast.walk(ast.parse((PROJECT / file).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] in {"grvae", "stages", "studies"}:
                module = Path(*name.split("."))
                candidates = [module.with_suffix(".py"), module / "__init__.py"]
                packages = [parent / "__init__.py" for parent in module.parents[:-1]]
                found |= {path for path in candidates + packages if (PROJECT / path).exists()}
    return found


def all_imported_files(file: Path) -> set[Path]:
    """The project's files that a file imports, directly or through others."""
    found, waiting = set(), {file}
    while waiting:
        found |= waiting
        waiting = {path for file in waiting for path in imported_files(file)} - found
    return found


@pytest.mark.parametrize(
    ("folder", "stage"),
    [(Path(), stage) for stage in STAGES.values()]
    + [(Path("studies"), stage) for stage in STUDY.values()],
    ids=[*STAGES, *(f"study-{name}" for name in STUDY)],
)
def test_stage_depends_on_the_folders_that_hold_the_code_that_it_imports(folder, stage):
    stage = stage.get("do", stage)
    module = re.search(r"python(?: -B)? -m (\S+) ", stage["cmd"])[1]
    command = Path(*module.split(".")).with_suffix(".py")
    deps = {Path(os.path.normpath(folder / dep)) for dep in stage["deps"]}
    declared = {dep for dep in deps if dep.suffix == ".py" or (dep / "__init__.py").is_file()}
    not_needed = {Path(name) for name in NOT_A_DEPENDENCY} - declared
    imported = all_imported_files(command) - not_needed
    assert declared == {path if path in declared else path.parent for path in imported}


@pytest.mark.parametrize("package", sorted(EMPTY | {"grvae/__init__.py"}))
def test_package_that_no_stage_depends_on_can_change_no_result(package):
    docstring, *rest = ast.parse((PROJECT / package).read_text()).body
    assert isinstance(docstring.value, ast.Constant)
    imports = {"from grvae.base import determinism", "from grvae.base import process"}
    assert {ast.unparse(line) for line in rest} <= imports


def test_only_the_params_module_reads_the_parameter_file():
    readers = [
        path.name for path in (PROJECT / "grvae").rglob("*.py") if "ruamel" in path.read_text()
    ]
    assert readers == ["params.py"]


def test_every_stage_command_is_in_the_graph_under_its_name():
    commands = {path.stem for path in (PROJECT / "stages").glob("*.py")} - {"__init__"}
    assert commands == set(STAGES)
    for name, stage in STAGES.items():
        assert f"python -m stages.{name} " in stage["cmd"]


@pytest.mark.parametrize("name", ["summarise", "figures", "report"])
def test_stage_that_computes_no_network_does_not_import_torch(name):
    files = all_imported_files(Path(f"stages/{name}.py"))
    users = [
        str(file)
        for file in files
        for node in ast.parse((PROJECT / file).read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "torch" in ast.unparse(node)
    ]
    assert users == []


def test_test_images_reach_only_what_measures_and_what_shows():
    readers = {
        name
        for name, stage in STAGES.items()
        if any(dep.endswith("test.safetensors") for dep in stage.get("do", stage)["deps"])
    }
    assert readers == {"evaluate", "probe_pixels", "export", "demo", "page"}


@pytest.mark.parametrize(("folder", "graph"), [("", STAGES), ("studies", STUDY)])
def test_stage_finds_its_code_under_a_safe_path(folder, graph):
    command = graph["resolve"]["cmd"].partition(" --")[0]
    environment = {"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1"}
    command = command.replace("python", sys.executable, 1)
    subprocess.run(
        f"{command} --help", shell=True, cwd=PROJECT / folder, env=environment, check=True
    )
