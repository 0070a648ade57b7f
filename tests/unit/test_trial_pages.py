import shutil

import pandas as pd
from click.testing import CliRunner

from benchmarks.trial_pages import front, seeds, undominated
from grvae.base.storage import save_table
from tests.conftest import PROJECT

FRONT = PROJECT / "reports" / "search" / "front.md"
SUMMARY = PROJECT / "reports" / "many_seeds" / "summary.md"


def recipes(**values):
    """A recipe by each name, with its error and its accuracy."""
    rows = [(name, *value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["trial", "squared_error_per_image", "argmax_accuracy"])


def test_front_leaves_out_what_another_recipe_beats_at_both():
    tried = recipes(far=(12.0, 0.99), beaten=(11.0, 0.97), near=(10.0, 0.98), even=(12.5, 0.99))
    assert undominated(tried)["trial"].tolist() == ["near", "far"]


def test_equal_errors_leave_the_one_that_reads_more():
    assert undominated(recipes(less=(10.0, 0.97), more=(10.0, 0.98)))["trial"].tolist() == ["more"]


def test_few_seeds_have_a_median_without_an_interval(tmp_path):
    row = {"argmax_accuracy": 0.5, "lowest_recall": 0.25, "squared_error_per_image": 20.0}
    row |= {"device": "cpu"}
    save_table(tmp_path / "runs.csv", pd.DataFrame([{"trial": "one", "seed": 0, **row}]))
    page = filled(seeds, tmp_path / "runs.csv", SUMMARY, tmp_path)
    assert "| `one` | 1 | 0 | 50.00 % | 50.00 % |" in page


def test_committed_pages_are_those_of_the_committed_tables(tmp_path):
    page = filled(seeds, SUMMARY.with_name("runs.csv"), SUMMARY, tmp_path)
    assert page == SUMMARY.read_text()
    figure = ("--figure", tmp_path / "front.png")
    page = filled(front, FRONT.with_suffix(".csv"), FRONT, tmp_path, *figure)
    assert page == FRONT.read_text()


def filled(command, table, page, folder, *options):
    """What a command makes of a table, by the template of a committed page."""
    shutil.copy(page.with_name(f"{page.stem}_template.md"), folder)
    words = ["--table", table, "--markdown", folder / page.name, *options]
    result = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return (folder / page.name).read_text()
