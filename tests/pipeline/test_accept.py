"""Results are accepted as those of changed code if a sample of them is the same, and else not."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from grvae.base.errors import GrvaeError
from tests.project import ran, warm_environment
from tools.accept import draw, main
from tools.changes import Changes

# DVC's own, in building its graph.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")

GRAPH = """\
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py, words.txt]
    outs: [data.txt]
  fit:
    matrix: {variant: [a, b], seed: [0, 1]}
    cmd: python fit.py ${item.variant} ${item.seed}
    deps: [data.txt, fit.py, maths.py]
    params:
      - recipe
      - overrides.${item.variant}
    outs:
      - fits/${item.variant}-${item.seed}.txt
  score:
    matrix: {variant: [a, b], seed: [0, 1]}
    cmd: python score.py fits/${item.variant}-${item.seed}.txt
    deps:
      - fits/${item.variant}-${item.seed}.txt
      - score.py
      - maths.py
    outs:
      - scores/${item.variant}-${item.seed}.txt
  summarise:
    cmd: cat scores/*.txt > table.txt
    deps: [scores, maths.py]
    outs:
      - table.txt: {cache: false}
"""
MORE = """\
stages:
  count:
    wdir: ..
    cmd: python more/count.py > more/count.txt
    deps: [data.txt, more/count.py]
    outs: [more/count.txt]
"""
FILES = {
    "dvc.yaml": GRAPH,
    ".gitignore": "/fits/\n/scores/\n/data.txt\n__pycache__/\n",
    ".dvcignore": "__pycache__\n",
    "words.txt": "one two\n",
    "params.yaml": json.dumps({"recipe": {"epochs": 18}, "overrides": {"a": {}, "b": {"x": 1}}}),
    "maths.py": "def double(text):\n    return text * 2\n",
    "prepare.py": "from pathlib import Path\n\n"
    "Path('data.txt').write_text(Path('words.txt').read_text().upper())\n",
    "fit.py": "import sys\nfrom pathlib import Path\n\nfrom maths import double\n\n"
    "name = f'{sys.argv[1]}-{sys.argv[2]}'\nPath('fits').mkdir(exist_ok=True)\n"
    "Path('fits', f'{name}.txt').write_text(double(Path('data.txt').read_text()) + name)\n",
    "score.py": "import sys\nfrom pathlib import Path\n\nfrom maths import double\n\n"
    "fit = Path(sys.argv[1])\nPath('scores').mkdir(exist_ok=True)\n"
    "Path('scores', fit.name).write_text(double(fit.read_text()))\n",
}


def call(*command):
    result = subprocess.run(
        command, env=warm_environment(), check=True, capture_output=True, text=True
    )
    return result.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A small pipeline after a run, committed."""
    folder = tmp_path_factory.mktemp("toy")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write(FILES)
        call("git", "init", "--quiet")
        call("dvc", "init", "--quiet")
        call("dvc", "repro", "--quiet")
        call("git", "add", "--all")
        call("git", "commit", "--quiet", "--message", "test")
    return folder


@pytest.fixture
def toy(finished, tmp_path, monkeypatch):
    """A copy of it, cache and all, to work in."""
    shutil.copytree(finished, tmp_path / "toy")
    monkeypatch.chdir(tmp_path / "toy")
    return tmp_path / "toy"


@pytest.fixture
def clone(toy, tmp_path, monkeypatch):
    """A clone of it, with neither cache nor runs."""
    call("git", "clone", "--quiet", toy, tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    return tmp_path / "clone"


def write(files):
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)


def edit(name, old, new):
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new))


def accept(*options, code=0):
    result = CliRunner().invoke(main, [str(option) for option in options])
    assert result.exit_code == code, result.output
    return result.output


def refused(*options):
    """What is said of a refusal, which changes no file at all."""
    before = contents()
    output = accept(*options, code=1)
    assert contents() == before
    return output


def contents():
    """The bytes of all files, and when they were written, but for git's and DVC's own notes."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in Path().rglob("*")
        if path.is_file() and not str(path).startswith((".git/", ".dvc/tmp/"))
    }


def made_anew(output):
    return re.findall(r"^  (\S+): the same", output, re.MULTILINE)


def stale():
    return ran(call("dvc", "repro", "--dry", "--allow-missing"))


def refactor():
    """Move a function into a folder of its own, which the stages now depend on; rename a script."""
    Path("maths.py").unlink()
    write({"lib/maths.py": "# clearer\ndef double(text):\n    return text + text\n"})
    for script in ("fit.py", "score.py"):
        edit(script, "from maths", "from lib.maths")
    Path("scripts").mkdir()
    Path("fit.py").rename("scripts/fit.py")
    edit("dvc.yaml", "python fit.py", "PYTHONPATH=. python scripts/fit.py")
    edit("dvc.yaml", "fit.py, maths.py", "scripts/fit.py, lib")
    edit("dvc.yaml", "maths.py", "lib")


def test_refactoring_is_accepted_and_leaves_nothing_to_run(toy):
    refactor()
    before = contents()
    output = accept()
    fit, score, *rest = made_anew(output)
    assert fit.startswith("fit@") and score == fit.replace("fit", "score")
    assert rest == ["summarise"]
    assert "On trust, like the rows made anew: 3 of fit, 3 of score" in output
    after = contents()
    assert before.keys() == after.keys()
    assert [str(path) for path in after if before[path] != after[path]] == ["dvc.lock"]
    assert stale() == []
    lock = Path("dvc.lock").read_bytes()
    call("dvc", "repro", "--force", "--no-run-cache")
    assert Path("dvc.lock").read_bytes() == lock


def test_nothing_is_written_where_nothing_is_stale(toy):
    before = contents()
    assert accept() == "Nothing is stale.\n"
    assert contents() == before


def test_clone_without_a_cache_makes_its_inputs_anew(clone):
    edit("maths.py", "def", "# clearer\ndef")
    output = accept("--rows", 2)
    assert made_anew(output)[0] == "prepare"
    assert len(made_anew(output)) == 5
    assert "On trust, without their inputs: summarise" in output
    assert stale() == []
    assert not Path("data.txt").exists()


def test_only_what_has_changed_is_written(clone):
    lock = Path("dvc.lock").read_text()
    edit("score.py", "import sys", "import sys  # arguments")
    output = accept()
    assert [name.partition("@")[0] for name in made_anew(output)] == ["prepare", "fit", "score"]
    changed = set(Path("dvc.lock").read_text().splitlines()) - set(lock.splitlines())
    assert len(changed) == 2  # hash and size of score.py


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("params.yaml", "18", "9", "recipe.epochs: 18 -> 9 (4 of fit)"),
        ("words.txt", "two", "too", "words.txt: an input that is not code has changed (prepare)"),
        ("dvc.yaml", ", words.txt", "", "words.txt: an input that is not code has gone (prepare)"),
        (
            "dvc.yaml",
            "words.txt]",
            "words.txt, .gitignore]",
            ".gitignore: an input that is not code is new",
        ),
        ("dvc.yaml", "[data.txt]", "[data.txt, more.txt]", "more.txt: a new output (prepare)"),
        ("dvc.yaml", "table.txt:", "other.txt:", "table.txt: an output that has gone (summarise)"),
        ("dvc.yaml", "[a, b]", "[a, b, c]", "no results yet (2 of fit, 2 of score)"),
        ("data.txt", "ONE", "TWO", "data.txt: what a stage makes, and this one reads, has changed"),
    ],
)
def test_more_than_code_is_refused_by_name(toy, file, old, new, message):
    edit("params.yaml", '"b"', '"c": {}, "b"')
    edit("maths.py", "def", "# clearer\ndef")
    edit(file, old, new)
    output = refused()
    assert message in output
    assert "nothing is accepted" in output
    assert made_anew(output) == []


def test_one_differing_bit_is_refused_by_name(toy):
    edit("maths.py", "text * 2", "text + text.replace('O', 'N')")
    assert re.search(r"Error: fit@(.-.): fits/\1.txt differs, so nothing is acc", refused())


def test_failing_stage_is_refused_with_its_last_words(toy):
    edit("maths.py", "return", "raise SystemExit('no luck')\n    return")
    assert re.search(r"Error: fit@\S+ failed, so nothing is accepted: no luck", refused())


def test_neutral_parameter_is_accepted_and_named(toy):
    edit("params.yaml", "18", '18, "gate": null')
    output = accept()
    assert "new parameter recipe.gate: the sample speaks for it" in output
    assert [name.partition("@")[0] for name in made_anew(output)] == ["fit"]
    edit("params.yaml", ', "gate": null', "")
    assert "parameter gone recipe.gate: the sample speaks for it" in accept()


def test_row_that_alone_has_a_new_parameter_is_drawn(toy):
    edit("params.yaml", '"x": 1', '"x": 1, "y": null')
    edit("maths.py", "def", "# clearer\ndef")
    fits = [name for name in made_anew(accept()) if name.startswith("fit")]
    assert sorted(name[:5] for name in fits) == ["fit@a", "fit@b"]


def test_excluded_rows_are_not_drawn_and_named(toy):
    edit("maths.py", "def", "# clearer\ndef")
    output = accept("--exclude", "a-*", "--exclude", "*@b-0")
    assert made_anew(output) == ["fit@b-1", "score@b-1", "summarise"]
    assert "Left out of the draw: 3 of fit, 3 of score" in output


def test_lock_that_changes_meanwhile_is_kept(toy):
    edit(
        "maths.py", "def", f"from pathlib import Path\nPath({str(toy)!r}, 'dvc.lock').touch()\ndef"
    )
    edit("maths.py", ".touch()", ".write_text('schema: \"2.0\"\\n')")
    assert "dvc.lock has changed meanwhile, so nothing is accepted" in accept(code=1)
    assert Path("dvc.lock").read_text() == 'schema: "2.0"\n'


def test_pipelines_are_accepted_together_and_an_unknown_one_is_refused(toy):
    write({"more/dvc.yaml": MORE, "more/count.py": "print(len(open('data.txt').read()))\n"})
    call("dvc", "repro", "--quiet", "more/dvc.yaml")
    write({"more/.dvcignore": "dvc.yaml\n"})  # hides the pipeline from all other commands
    edit("prepare.py", "from", "# clearer\nfrom")
    edit("more/count.py", "print", "# clearer\nprint")
    output = accept("dvc.yaml", "more/dvc.yaml")
    assert made_anew(output) == ["prepare", "more/dvc.yaml:count"]
    assert "python -m fanout.hidden more/dvc.yaml dvc repro --dry --allow-missing" in output
    assert stale() == [] and accept("more/dvc.yaml") == "Nothing is stale.\n"
    assert "none.yaml: no pipeline of this project" in refused("none.yaml")


def test_draw_is_of_every_kind_of_change_and_of_the_same_rows():
    code, more = Changes(code={"x.py"}), Changes(code={"x.py"}, params={"new parameter y"})
    names = [f"{stage}@{row}" for stage in ("fit", "score") for row in range(20)]
    for seed in range(20):
        rows = dict.fromkeys(names, code) | {"fit@3": more, "one": code}
        drawn = draw(rows, 2, ["4"], random.Random(seed))
        fits = {name[4:] for name in drawn if name.startswith("fit")}
        scores = {name[6:] for name in drawn if name.startswith("score")}
        assert len(fits) == 3 and "3" in fits and "4" not in fits | scores
        assert len(scores) == 2 and len(scores & fits) == 2
    assert len({frozenset(draw(rows, 1, [], random.Random(seed))) for seed in range(20)}) > 3
    with pytest.raises(GrvaeError, match="--exclude leaves nothing to draw from fit@3"):
        draw(rows, 1, ["3"], random.Random(0))


def test_one_stage_is_accepted_with_what_it_depends_on_where_what_follows_has_new_results(toy):
    edit("maths.py", "def", "# clearer\ndef")
    edit("fit.py", "import sys", "# clearer\nimport sys")
    edit("dvc.yaml", "cat scores", "head -n 1 scores")
    output = accept("dvc.yaml:score")
    assert {name.partition("@")[0] for name in made_anew(output)} == {"fit", "score"}
    assert stale() == ["summarise"]
    refusal = refused("dvc.yaml:scores")
    assert "dvc.yaml: got stage 'scores', allowed: fit, prepare, score, summarise" in refusal
