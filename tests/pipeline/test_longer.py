"""The longer study, from parameters to its table: a few tiny runs on few images."""

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from benchmarks.sweep import sweep
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.model.images import load_images
from studies.claims.plan import OF_A_VAE, OF_HALVES
from studies.claims.reader import save_reader, train_reader
from studies.claims.study import ReaderRecipe
from studies.longer import resolve
from studies.longer.recipes import load_resolved
from tests.conftest import PROJECT
from tests.handmade import HALVES

MAIN = PROJECT / "params.yaml"
TINY = {"hidden_sizes": [2, 4, 16], "decoder_sizes": [16], "epochs": 1}
PARAMS = {
    "runs": {
        "gated": {"of": "gated", "changes": TINY, "seeds": [4000, 2]},
        "masked": {"of": "baseline", "changes": TINY | {"routing": "parameters"}, "seeds": [7, 1]},
    },
    "halves": {
        "recipe": HALVES,
        "runs": {"halves": {"seeds": [4000, 1]}},
    },
    "doses": {
        "wrong_labels": {"of": "gated", "values": [0.05, 1.0], "changes": TINY, "seeds": [5, 1]},
        "halves_routed_images": {"of": "halves", "values": [0.5], "changes": {}, "seeds": [5, 1]},
    },
    "probe_images": 300,
}
RUNS = [
    ("gated", 4000), ("gated", 4001), ("masked", 7), ("halves", 4000),
    ("wrong_labels_0.05", 5), ("wrong_labels_1", 5), ("halves_routed_images_0.5", 5),
]  # fmt: skip


def invoke(command, *arguments):
    return CliRunner().invoke(command, list(map(str, arguments)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("longer")
    YAML().dump(PARAMS, folder / "params.yaml")
    result = invoke(
        resolve.main, "--params", folder / "params.yaml", "--main-params", MAIN,
        "--out", folder / "variants.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def test_each_recipe_is_written_in_full(folder):
    resolved = load_resolved(folder / "variants.json")
    assert resolved.runs == RUNS
    assert resolved.variants["gated"].recipe.floor == 3
    assert resolved.variants["masked"].recipe.routing == "parameters"
    assert resolved.variants["wrong_labels_0.05"].recipe.wrong_labels == 0.05
    assert resolved.halves["halves"].routed_images == 1
    assert resolved.halves["halves_routed_images_0.5"].routed_images == 0.5


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"of": "none"}, "got the variant 'none', allowed: gated, "),
        ({"of": "gated", "changes": {"epochs": 0}}, "epochs"),
    ],
)
def test_wrong_recipe_is_one_line(tmp_path, wrong, line):
    runs = {"gated": wrong | {"seeds": [1, 1]}}
    YAML().dump(PARAMS | {"runs": runs}, tmp_path / "params.yaml")
    result = invoke(
        resolve.main, "--params", tmp_path / "params.yaml", "--main-params", MAIN,
        "--out", tmp_path / "variants.json",
    )  # fmt: skip
    assert result.exit_code == 1
    (said,) = result.output.splitlines()
    assert said.startswith(f"Error: {tmp_path / 'params.yaml'}: ")
    assert line in said
    assert not (tmp_path / "variants.json").exists()


@pytest.mark.slow
def test_every_run_is_measured_once(folder):
    write_splits(DataFolder(folder / "data"), *load_digits(), 0.1)
    images = load_images(DataFolder(folder / "data").train)
    small = ReaderRecipe(steps=20, batch_size=64, learning_rate=0.01, max_shift=1)
    save_reader(folder / "reader.safetensors", train_reader(images, small, 0))
    asked = (
        "--params", MAIN, "--list", folder / "params.yaml", "--measure", "claims",
        "--data", folder / "data", "--reader", folder / "reader.safetensors",
        "--table", folder / "runs.csv",
    )  # fmt: skip
    result = invoke(sweep, *asked)
    assert result.exit_code == 0, result.output
    assert sorted(result.output.splitlines()) == sorted(f"{name} {seed}" for name, seed in RUNS)
    rows = load_table(folder / "runs.csv")
    assert list(zip(rows["variant"], rows["seed"], strict=True)) == RUNS
    is_halves = rows["variant"].str.startswith("halves")
    assert rows.loc[is_halves, list(OF_HALVES)].notna().all(axis=None)
    assert rows.loc[~is_halves, ["read_accuracy", "squared_error"]].notna().all(axis=None)
    assert set(OF_A_VAE) <= set(rows.columns)
