"""Change the code that decides a number in one place at a time, and count what the tests notice.

mutmut makes the mutants and runs the tests; `[tool.mutmut]` in pyproject.toml says of which modules
and which tests. It works on a copy of the project under `logs/`, where a decorator stands below its
function, not above: mutmut leaves decorated functions alone.

Whoever claims that a mutant is equivalent, which no test can notice, names it in
`tools/equivalent_mutants.yaml` and says why.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from fanout.snapshot import list_files

PROJECT = Path(__file__).parent.parent
COPY = PROJECT / "logs" / "mutants"
REPORT = PROJECT / "reports" / "mutants.json"
EQUIVALENT = PROJECT / "tools" / "equivalent_mutants.yaml"
MUTMUT = Path(sys.executable).parent / "mutmut"
# Exit statuses of a mutant that lives: the tests passed, or none of them calls it.
LIVES = {0, 33}

Counts = dict[str, dict[str, Any]]


@click.command(help=__doc__)
@click.argument("modules", nargs=-1)
@click.option(
    "--changed", is_flag=True, help="Only what is not as it was when it was last counted."
)
@click.option("--again", is_flag=True, help="Only what lived at the last count, on new tests.")
def main(modules: tuple[str, ...], changed: bool, again: bool) -> None:
    """Count, print and, unless asked for the changes alone, write the report."""
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mutmut"]
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    asked = changed_since_report() if changed else modules or config["only_mutate"]
    asked = [module for module in config["only_mutate"] if module in asked]
    counted = count(asked, again) if asked else {}
    for module, row in counted.items():
        click.echo(f"{module}: {row['killed']} of {row['mutants']} killed ({share(row):.1%})")
        for survivor in row["survived"]:
            click.echo(f"  {survivor}")
    if not changed:
        report = {name: (known | counted)[name] for name in sorted(known | counted)}
        REPORT.write_text(json.dumps(report, indent=2) + "\n")
    fallen = [
        name for name, row in counted.items() if name in known and share(row) < share(known[name])
    ]
    if changed and fallen:
        raise click.ClickException(f"tests notice less than they did: {', '.join(fallen)}")


def share(row: dict[str, Any]) -> float:
    """Of the mutants that can be noticed, the share that was."""
    return float(row["killed"] / max(1, row["mutants"] - len(row["equivalent"])))


def changed_since_report() -> list[str]:
    """Files that differ from the commit of the last report."""
    counted = run_git("log", "-1", "--format=%H", "--", str(REPORT)).strip()
    return run_git("diff", "--name-only", counted).splitlines() if counted else []


def count(modules: list[str], again: bool) -> Counts:
    """Make and try the mutants of some modules."""
    copy_project(modules, afresh=not again)
    if again:
        names = [name for module in modules for name in living(statuses_of(module))]
    else:
        names = [f"{module.removesuffix('.py').replace('/', '.')}.*" for module in modules]
    if names:
        try_mutants(names)
    claims = YAML(typ="safe").load(EQUIVALENT) or {}
    return {module: count_module(module, claims.get(module, {})) for module in modules}


def try_mutants(names: list[str]) -> None:
    """Let mutmut run the tests on some mutants of the copy."""
    # One thread a worker: a forked process may not use the threads of its parent.
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    log = COPY / "mutmut.log"
    with log.open("w") as out:
        done = subprocess.run(
            [MUTMUT, "run", *names], cwd=COPY, env=environment, stdout=out, stderr=out
        )
    if done.returncode:
        raise click.ClickException(f"mutmut failed:\n{log.read_text()[-3000:]}")


def statuses_of(module: str) -> dict[str, int | None]:
    """The exit status of the tests by mutant; None where they have not been run."""
    results = json.loads((COPY / "mutants" / f"{module}.meta").read_text())
    statuses: dict[str, int | None] = results["exit_code_by_key"]
    return statuses


def living(statuses: dict[str, int | None]) -> list[str]:
    """The mutants that no test is known to have noticed."""
    return [name for name, status in statuses.items() if status is None or status in LIVES]


def count_module(module: str, claims: dict[str, str]) -> dict[str, Any]:
    """Sort the mutants of a module that were tried."""
    statuses = statuses_of(module)
    if untried := [name for name, status in statuses.items() if status is None]:
        raise click.ClickException(f"not tried: {', '.join(untried)}")
    alive = sorted(describe(name) for name in living(statuses))
    if idle := claims.keys() - set(alive):
        raise click.ClickException(
            f"{module}: called equivalent, but killed or gone: {sorted(idle)}"
        )
    return {
        "mutants": len(statuses),
        "killed": len(statuses) - len(alive),
        "survived": [text for text in alive if text not in claims],
        "equivalent": {text: claims[text] for text in alive if text in claims},
    }


def describe(mutant: str) -> str:
    """A mutant by its function and its changed lines, which outlive mutmut's numbers."""
    shown = subprocess.run(
        [MUTMUT, "show", mutant], cwd=COPY, check=True, capture_output=True, text=True
    )
    lines = [line for line in shown.stdout.splitlines() if not line.startswith(("---", "+++"))]
    before, after = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    function = mutant.rpartition(".")[2].rpartition("__mutmut")[0].removeprefix("x").strip("_ǁ")
    return f"{function.replace('ǁ', '.')}: {before} -> {after}"


def copy_project(modules: list[str], afresh: bool) -> None:
    """Copy what git tracks, or would track, with the decorators of some modules moved."""
    if afresh:
        shutil.rmtree(COPY, ignore_errors=True)
    for name in list_files(PROJECT):
        if (PROJECT / name).is_file() and name not in modules:
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, COPY / name)
    for module in modules:
        (COPY / module).write_text(with_decorators_below((PROJECT / module).read_text()))


def with_decorators_below(source: str) -> str:
    """The same code with `f = decorator(f)` after each function instead of `@decorator` before."""
    lines = source.splitlines()
    for function in sorted(decorated_functions(source), key=lambda node: -node.lineno):
        indent, name, call = " " * function.col_offset, function.name, function.name
        for decorator in reversed(function.decorator_list):
            call = f"{ast.unparse(decorator)}({call})"
        lines.insert(function.end_lineno or 0, f"{indent}{name} = {call}")
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines) + "\n"


def decorated_functions(source: str) -> Iterator[ast.FunctionDef]:
    """Functions whose decorators mutmut does not know."""
    known = {"staticmethod", "classmethod"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
            if decorators - known:
                yield node


def run_git(*arguments: str) -> str:
    """What a git command prints."""
    return subprocess.check_output(["git", *arguments], cwd=PROJECT, text=True)


if __name__ == "__main__":
    main()
