"""Each stage command against damaged inputs and disks it cannot write to: one line, no output."""

import os
import re
import resource
import shutil
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from stages.download import download
from stages.evaluate import evaluate
from stages.figures import figures
from stages.probe_pixels import probe_pixels
from stages.report import report
from stages.resolve import resolve
from stages.summarise import summarise
from stages.train import train
from tests.conftest import PROJECT, write_small_params

COMMANDS = {
    "resolve": (resolve, "--params params.yaml --out variants"),
    "download": (download, "--params params.yaml --data data"),
    "train": (train, "--variant variants/routed.json --seed 0 --data data "
              "--weights {run}/weights.safetensors --history {run}/history.csv"),
    "evaluate": (evaluate, "--params params.yaml --variant variants/routed.json --data data "
                 "--run {run}"),
    "probe_pixels": (probe_pixels, "--params params.yaml --data data/digits --out probe.json"),
    "summarise": (summarise, "--params params.yaml --runs runs --pixel-probe probe.json "
                  "--metrics metrics.json --summary summary.json --table runs.csv "
                  "--curves curves.csv --confusion confusion.csv"),
    "figures": (figures, "--params params.yaml --runs runs --table runs.csv --curves curves.csv "
                "--published published.json --out figures"),
    "report": (report, "--params params.yaml --variants variants --summary summary.json "
               "--table runs.csv --published published.json --many-seeds many_seeds.csv "
               "--render template.md report.md"),
}  # fmt: skip
RUN = "runs/routed/0"
NOBODY = 65534  # a user without rights
TRAIN, VALIDATION, TEST = (
    f"data/digits/{name}.safetensors" for name in ("train", "validation", "test")
)
VARIANT = "variants/routed.json"
INPUTS = {
    "resolve": ["params.yaml"],
    "download": ["params.yaml"],
    "train": [VARIANT, TRAIN, VALIDATION],
    "evaluate": ["params.yaml", VARIANT, TRAIN, TEST, f"{RUN}/weights.safetensors"],
    "probe_pixels": ["params.yaml", TRAIN, TEST],
    "summarise": ["params.yaml", f"{RUN}/measures.json", f"{RUN}/history.csv", "probe.json"],
    "figures": [f"{RUN}/samples.safetensors", f"{RUN}/measures.json", "runs.csv", "curves.csv"],
    "report": [
        VARIANT,
        "summary.json",
        "runs.csv",
        "published.json",
        "many_seeds.csv",
        "template.md",
    ],
}
OUTPUTS = {
    "resolve": [VARIANT],
    "download": [TRAIN, VALIDATION, TEST],
    "train": [f"{RUN}/weights.safetensors", f"{RUN}/history.csv"],
    "evaluate": [f"{RUN}/measures.json", f"{RUN}/samples.safetensors"],
    "probe_pixels": ["probe.json"],
    "summarise": ["summary.json", "metrics.json", "runs.csv", "curves.csv", "confusion.csv"],
    "figures": [f"figures/{name}.png" for name in ("traversals", "confusion", "seeds")],
    "report": ["report.md"],
}


def arguments(name, run=RUN):
    return COMMANDS[name][1].format(run=run).split()


def invoke(name, run=RUN, variant="routed", seed="0"):
    words = arguments(name, run)
    for option, value in (("--variant", f"variants/{variant}.json"), ("--seed", seed)):
        if option in words:
            words[words.index(option) + 1] = value
    return CliRunner().invoke(COMMANDS[name][0], words)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which every stage has run once."""
    folder = tmp_path_factory.mktemp("finished")
    folder.chmod(0o755)  # others may read
    write_small_params(folder / "params.yaml")
    for name in ("published.json", "template.md"):
        shutil.copy(PROJECT / "reports" / name, folder)
    shutil.copy(PROJECT / "reports" / "many_seeds" / "runs.csv", folder / "many_seeds.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        runs = [
            (f"runs/{variant}/{seed}", variant, str(seed))
            for variant, seed in product(("routed", "baseline"), (0, 1))
        ]
        first, last = ("resolve", "download"), ("probe_pixels", "summarise", "figures", "report")
        steps = [(name,) for name in first]
        steps += [(name, *run) for run, name in product(runs, ("train", "evaluate"))]
        for step in [*steps, *((name,) for name in last)]:
            result = invoke(*step)
            assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def folder(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


DAMAGES = {
    "missing": lambda content: None,
    "empty": lambda content: b"",
    "torn": lambda content: content[: len(content) // 2],
    "flipped": lambda content: flip(content, len(content) - 1),
    "binary": lambda content: bytes(range(256)) * 4,
}
CASES = [
    (stage, file, damage)
    for stage, files in INPUTS.items()
    for file, damage in product(files, DAMAGES)
    # A text file has no checksum of its own: half a table is a table, and DVC's hash tells.
    if damage not in {"torn", "flipped"} or file.endswith(".safetensors")
    if not (damage == "empty" and file == "template.md")
]


def flip(content, position):
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


@pytest.mark.parametrize(("stage", "file", "damage"), CASES)
def test_damaged_input_is_named_and_never_used(folder, stage, file, damage):
    before = {name: (folder / name).read_bytes() for name in OUTPUTS[stage]}
    content = DAMAGES[damage]((folder / file).read_bytes())
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    result = invoke(stage)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert file in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert {name: (folder / name).read_bytes() for name in OUTPUTS[stage]} == before


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


@pytest.mark.parametrize("stage", COMMANDS)
@pytest.mark.parametrize(
    ("fault", "reason"), [(full_disk, "File too large"), (read_only, "Permission denied")]
)
def test_disk_that_takes_no_output_is_named_and_a_later_run_succeeds(
    finished, folder, monkeypatch, stage, fault, reason
):
    # The figures are not drawn again, which takes seconds.
    files = {path.name: path.read_bytes() for path in (finished / "figures").iterdir()}
    monkeypatch.setattr("stages.figures.draw_all", lambda *_: files)
    expected = {name: (folder / name).read_bytes() for name in OUTPUTS[stage]}
    folders = {(folder / name).parent for name in OUTPUTS[stage]}
    for name in OUTPUTS[stage]:
        (folder / name).unlink()
    with fault(folders):
        result = invoke(stage)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    [line] = [line for line in result.stderr.splitlines() if "Error" in line]
    named = re.fullmatch(rf"Error: cannot write (.+): {reason}", line)
    assert folder / Path(named[1]).parent in folders
    assert not list(folder.rglob("*.tmp"))
    assert invoke(stage).exit_code == 0
    assert {name: (folder / name).read_bytes() for name in OUTPUTS[stage]} == expected
