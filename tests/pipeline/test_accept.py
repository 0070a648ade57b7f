"""Results are accepted as those of changed code if a sample of them is the same, and else not."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from grvae.base.errors import GrvaeError
from tools.accept import accept

# DVC's own, in building its graph.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

FILES = {
    "dvc.yaml": """\
stages:
  fit:
    matrix: {variant: [a, b], seed: [0, 1]}
    cmd: python fit.py ${item.variant} ${item.seed}
    deps: [words.txt, fit.py]
    params: [words]
    outs:
      - fits/${item.variant}-${item.seed}.txt
  summarise:
    cmd: cat fits/*.txt > table.txt
    deps: [fits]
    outs:
      - table.txt: {cache: false}
""",
    ".gitignore": "/fits/\n",
    "words.txt": "one two\n",
    "params.yaml": "words: 2\n",
    "fit.py": "import sys\nfrom pathlib import Path\n\n"
    "text = Path('words.txt').read_text() + ' '.join(sys.argv[1:])\n"
    "Path('fits').mkdir(exist_ok=True)\n"
    "Path('fits', f'{sys.argv[1]}-{sys.argv[2]}.txt').write_text(text)\n",
}
ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
}


def call(*command):
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small pipeline after a run."""
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, text in FILES.items():
            Path(name).write_text(text)
        call("git", "init", "--quiet")
        call("dvc", "init", "--quiet")
        call("dvc", "repro", "--quiet")
    return folder


@pytest.fixture
def toy(finished, tmp_path, monkeypatch):
    """A copy of it, cache and all, to work in."""
    shutil.copytree(finished, tmp_path / "toy")
    monkeypatch.chdir(tmp_path / "toy")
    monkeypatch.setenv("PATH", ENVIRONMENT["PATH"])


def change(file, old, new):
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))


def accept_here(names=(), exclude=()):
    with Repo() as repo:
        accept(repo, names, exclude, random.Random(0))


def is_up_to_date():
    with Repo() as repo:
        return repo.status() == {}


def test_code_that_changes_nothing_is_accepted_after_one_row_and_no_other(toy, capsys):
    change("fit.py", "import sys", "import sys  # the command's words")
    times = {path.name: path.stat().st_mtime_ns for path in Path("fits").iterdir()}
    accept_here(exclude=["a-", "-0"])
    now = {path.name: path.stat().st_mtime_ns for path in Path("fits").iterdir()}
    assert [name for name in times if times[name] != now[name]] == ["b-1.txt"]
    assert "Stale: 4 of 5 stages. Made anew: fit@b-1" in capsys.readouterr().out
    assert is_up_to_date()


def test_code_that_changes_an_output_is_refused_and_all_is_as_it_was(toy):
    change("fit.py", "' '.join", "'-'.join")
    lock, fit = Path("dvc.lock").read_bytes(), Path("fits/b-1.txt").read_text()
    with pytest.raises(GrvaeError, match=r"^fit@b-1: fits/b-1.txt differs, so nothing is accepted"):
        accept_here(exclude=["a-", "-0"])
    assert Path("dvc.lock").read_bytes() == lock
    assert Path("fits/b-1.txt").read_text() == fit


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("words.txt", "two", "three"),
        ("params.yaml", "2", "3"),
        ("fits/a-0.txt", "two", "three"),
    ],
)
def test_changed_data_parameter_or_output_is_refused(toy, file, old, new):
    change("fit.py", "import sys", "import sys  # the command's words")
    change(file, old, new)
    with pytest.raises(GrvaeError, match=rf"{file}: .*run `dvc repro`"):
        accept_here()


def test_stages_that_are_named_are_accepted_alone(toy):
    change("fit.py", "import sys", "import sys  # the command's words")
    change("dvc.yaml", "cat fits/*.txt > table.txt", "cat fits/a*.txt > table.txt")
    accept_here(names=["fit"])
    with Repo() as repo:
        assert list(repo.status()) == ["summarise"]


def test_nothing_stale_is_nothing_to_do(toy, capsys):
    accept_here()
    assert "Stale: 0 of 5 stages" in capsys.readouterr().out
