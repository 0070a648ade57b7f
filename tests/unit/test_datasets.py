"""The comparison of sets: what it trains, and how it judges."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from benchmarks.datasets import AIMS, Comparison, compare, datasets, take_few
from benchmarks.pages import write_page
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.model.images import load_images
from grvae.params import read_params
from tests.conftest import PROJECT, write_small_params

REPORTS = PROJECT / "reports"


@pytest.fixture
def mnist(tmp_path, monkeypatch):
    """A project of small parameters, whose MNIST is the embedded digits."""
    monkeypatch.chdir(tmp_path)
    write_small_params(tmp_path / "params.yaml")
    files = DataFolder(tmp_path / "data" / "mnist")
    write_splits(files, *load_digits(), fraction=0.1)
    return files


def test_sets_that_are_there_are_trained_and_judged_by_their_targets(mnist, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.sweep.ProcessPoolExecutor", ThreadPoolExecutor)
    shutil.copy(REPORTS / "datasets_template.md", tmp_path)
    targets = (
        "variants: [gated, baseline]\nseeds: [3]\n"
        "sets: {tiny: {accuracy: 0.0, beyond_pixels: 1.0}, mine: {accuracy: 1.0}}"
    )
    (tmp_path / "targets.yaml").write_text(targets)
    options = {"params": "params.yaml", "targets": "targets.yaml", "data": "data"}
    options |= {"table": "datasets.csv", "markdown": "datasets.md", "workers": "1"}
    result = CliRunner().invoke(datasets, [f"--{name}={value}" for name, value in options.items()])
    assert result.exit_code == 0, result.output
    assert "mine: left out, there is no folder images/mine" in result.output
    table = load_table(tmp_path / "datasets.csv")
    assert table["run"].tolist() == ["tiny-gated", "tiny-baseline", "tiny-pixels"]
    assert table.loc[0, ["classes", "images", "batch"]].tolist() == [4, 200, 200]
    page = (tmp_path / "datasets.md").read_text()
    assert "| `tiny` | argmax accuracy of `gated` | at least 0.0 % |" in page
    assert page.count("**no**") == 1  # nothing classifies 100 % more than a linear probe
    assert "Not measured yet: `mine`." in page


def test_tiny_set_has_a_few_images_to_learn_from_and_is_measured_on_many(mnist, tmp_path):
    tiny = DataFolder(tmp_path / "tiny")
    take_few(mnist, tiny)
    few, many = load_images(tiny.train), load_images(tiny.validation)
    assert few.labels.bincount().tolist() == [50] * 4
    assert few.spec.classes == tuple("0123")
    assert len(many) == int((load_images(mnist.validation).labels < 4).sum())


def test_committed_page_is_that_of_the_committed_table(tmp_path):
    shutil.copy(REPORTS / "datasets_template.md", tmp_path)
    comparison = read_params(REPORTS / "datasets.yaml", Comparison)
    found = compare(load_table(REPORTS / "datasets.csv"), comparison)
    write_page(tmp_path / "datasets.md", found)
    assert (tmp_path / "datasets.md").read_text() == (REPORTS / "datasets.md").read_text()
    assert not {key for targets in comparison.sets.values() for key in targets} - AIMS.keys()
