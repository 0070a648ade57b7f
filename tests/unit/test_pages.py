import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

from benchmarks import pages
from benchmarks.costs import TIMED
from grvae.base.storage import load_json
from tests.conftest import PROJECT

REPORTS = PROJECT / "reports"
MANY, LABELS = REPORTS / "many_seeds", REPORTS / "labels"


def test_front_leaves_out_what_another_recipe_beats_at_both():
    tried = {
        "trial": ["far", "beaten", "near", "even", "less"],
        "squared_error_per_image": [12.0, 11.0, 10.0, 12.5, 10.0],
        "argmax_accuracy": [0.99, 0.97, 0.98, 0.99, 0.97],
    }
    assert pages.undominated(pd.DataFrame(tried))["trial"].tolist() == ["near", "far"]


@pytest.mark.parametrize(
    ("page", "command"),
    [
        (MANY / "summary.md", ["seeds", "--table", MANY / "runs.csv"]),
        (LABELS / "summary.md", ["seeds", "--table", LABELS / "runs.csv"]),
        (REPORTS / "search" / "front.md", ["front", "--table", REPORTS / "search" / "front.csv"]),
        (
            REPORTS / "benchmark" / "race.md",
            [
                "race", "--speed", REPORTS / "benchmark" / "speed.json",
                "--curves", REPORTS / "curves.csv", "--runs", REPORTS / "runs.csv",
                "--trials", MANY / "runs.csv", "--histories", MANY / "histories",
                "--quoted", REPORTS / "published.json",
            ],
        ),
    ],
)  # fmt: skip
def test_committed_page_and_figure_are_those_of_the_committed_tables(tmp_path, page, command):
    figure = page.with_suffix(".png")
    drawn = ["--figure", tmp_path / figure.name] if figure.exists() else []
    assert filled(page, tmp_path, *command, *drawn) == page.read_text()
    if drawn:
        assert (tmp_path / figure.name).read_bytes() == figure.read_bytes()


def test_committed_costs_are_those_of_their_json(tmp_path):
    timed = load_json(REPORTS / "benchmark" / "speed.json")
    timed["costs"] = {name: timed["costs"][name] for name in TIMED}
    page = REPORTS / "benchmark" / "summary.md"
    copy_template(page, tmp_path)
    pages.write_page(tmp_path / page.name, timed)
    assert (tmp_path / page.name).read_text() == page.read_text()


def copy_template(page, folder):
    shutil.copy(page.with_name(f"{page.stem}_template.md"), folder)


def filled(page, folder, *command):
    """What a command makes of tables, by the template of a committed page."""
    copy_template(page, folder)
    words = [*command, "--markdown", folder / page.name]
    result = CliRunner().invoke(pages.main, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return (folder / page.name).read_text()
