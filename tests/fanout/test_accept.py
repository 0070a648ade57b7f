"""Results are accepted as those of changed code if a sample of them is the same, and else not."""

import random

import pytest

from grvae.base.errors import GrvaeError
from tests.fanout.toy import GRAPH, STAGE
from tools.accept import accept

NO_CHANGE = STAGE + "# nothing more\n"
SAMPLE = ["a-", "-0"]  # of a matrix, all rows but b-1


def accept_in(toy, names=(), exclude=()):
    with toy.dvc() as repo:
        accept(repo, names, exclude, random.Random(0))


def test_code_that_changes_nothing_is_accepted_after_one_row_and_of_named_stages_alone(
    done, capsys
):
    done.write("stage.py", NO_CHANGE)
    done.write("dvc.yaml", GRAPH.replace("stage summary.txt", "stage  summary.txt"))
    times = {path: path.stat().st_mtime_ns for path in done.folder.glob("runs/*/*/*")}
    accept_in(done, ["train", "download"], SAMPLE)
    [changed] = [path for path in times if path.stat().st_mtime_ns != times[path]]
    assert changed == done.folder / "runs/b/1/model.txt"
    assert "Stale: 5 of 5 stages. Made anew: download, train@b-1" in capsys.readouterr().out
    assert done.stale() == ["summarise"]
    accept_in(done)
    assert "Stale: 1 of 11 stages. Made anew: summarise" in capsys.readouterr().out
    accept_in(done)
    assert "Stale: 0 of 11 stages" in capsys.readouterr().out


def test_code_that_changes_an_output_is_refused_and_all_is_as_it_was(done):
    names = "dvc.lock", "runs/b/1/model.txt"
    before = [done.read(name) for name in names]
    done.write("stage.py", STAGE.replace("{out} {os", "{out}-{os"))
    message = r"^train@b-1: runs/b/1/model.txt differs, so nothing is accepted"
    with pytest.raises(GrvaeError, match=message):
        accept_in(done, names=["train"], exclude=SAMPLE)
    assert [done.read(name) for name in names] == before


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.txt", "other"),
        ("toy.yaml", "scale: 2\nrows: [a, b]\ncolumns: [0, 1]\n"),
        ("runs/a/0/model.txt", "other"),
    ],
)
def test_changed_data_parameter_or_output_is_refused(done, file, text):
    done.write("stage.py", NO_CHANGE)
    done.write(file, text)
    with pytest.raises(GrvaeError, match=rf"{file}: .*run `dvc repro`"):
        accept_in(done)
