"""Each stage command against damaged inputs and disks it cannot write to: one line, no output."""

import os
import re
import resource
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from tests.conftest import PROJECT

NAMES = (
    "resolve", "download", "train", "evaluate", "probe_pixels", "summarise", "figures", "report"
)  # fmt: skip
VALUES = {"${dataset}": "digits", "${item.variant}": "routed", "${item.seed}": "0"}
# What is read of a folder that a stage depends on.
READ = {
    ("summarise", "runs"): ["runs/routed/0/measures.json", "runs/routed/0/history.csv"],
    ("figures", "runs"): ["runs/routed/0/measures.json", "runs/routed/0/samples.safetensors"],
    ("report", "variants"): ["variants/routed.json"],
}
NOBODY = 65534  # a user without rights


def read_graph():
    """The stages as `dvc.yaml` says them, of a matrix the row of the first run."""
    text = (PROJECT / "dvc.yaml").read_text()
    for variable, value in VALUES.items():
        text = text.replace(variable, value)
    stages = YAML(typ="safe").load(text)["stages"]
    return {name: stages[name] for name in NAMES}


STAGES = read_graph()


def invoke(name):
    """Run a stage's command in this process; the training without what it keeps for itself."""
    command = re.sub(r"--(checkpoint|log) \S+", "", STAGES[name]["cmd"])
    module, *words = command.partition(" -m ")[2].split()
    return CliRunner().invoke(getattr(import_module(module), name), words)


def inputs(name):
    """The data files that a stage reads."""
    yield from ["params.yaml"] * ("--params" in STAGES[name]["cmd"])
    for dep in STAGES[name]["deps"]:
        yield from READ.get((name, dep), [dep] if Path(dep).suffix not in ("", ".py") else [])


def outputs(name):
    """The content of the files that a stage has written."""
    outs = STAGES[name]["outs"] + STAGES[name].get("metrics", [])
    paths = [Path(next(iter(out)) if isinstance(out, dict) else out) for out in outs]
    files = [file for path in paths for file in ([path] if path.suffix else path.iterdir())]
    return {file: file.read_bytes() for file in files}


@pytest.fixture
def folder(project, monkeypatch):
    """A folder in which every stage has run once; each test leaves it so."""
    monkeypatch.chdir(project.folder)


def damages(file, content):
    """A file's damaged contents; None where it is missing."""
    yield None
    yield bytes(range(256)) * 4
    if not file.endswith("template.md"):
        yield b""
    if file.endswith(".safetensors"):  # half a table is a table, and DVC's hash tells
        yield content[: len(content) // 2]
        yield content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(("stage", "file"), [(s, file) for s in STAGES for file in inputs(s)])
def test_damaged_input_is_named_and_never_used(folder, stage, file):
    before, whole = outputs(stage), Path(file).read_bytes()
    for damaged in damages(file, whole):
        Path(file).unlink()
        if damaged is not None:
            Path(file).write_bytes(damaged)
        result = invoke(stage)
        Path(file).write_bytes(whole)
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit), result.exception
        assert file in result.output
        assert len(result.output.strip().splitlines()) == 1
        assert outputs(stage) == before


@contextmanager
def full_disk(folders):
    """No file may grow beyond eight bytes, as on a full disk: both fail in `write`."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@contextmanager
def read_only(folders):
    """Nobody may write to these folders; root, who may write anywhere, is nobody for a while."""
    for path in folders:
        path.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in folders:
            path.chmod(0o755)


@pytest.mark.parametrize(
    ("stage", "fault", "reason"),
    [(stage, full_disk, "File too large") for stage in STAGES]
    + [("summarise", read_only, "Permission denied")],
)
def test_disk_that_takes_no_output_is_named_and_a_later_run_succeeds(
    folder, monkeypatch, stage, fault, reason
):
    # The figures are not drawn again, which takes seconds.
    files = {path.name: path.read_bytes() for path in Path("reports/figures").iterdir()}
    monkeypatch.setattr("stages.figures.draw_all", lambda *_: files)
    expected = outputs(stage)
    for file in expected:
        file.unlink()
    folders = {file.parent for file in expected}
    with fault(folders):
        result = invoke(stage)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    [line] = [line for line in result.stderr.splitlines() if "Error" in line]
    named = re.fullmatch(rf"Error: cannot write (.+): {reason}", line)
    assert Path(named[1]).parent in folders
    assert not list(Path().rglob("*.tmp"))
    assert invoke(stage).exit_code == 0
    assert outputs(stage) == expected
