import json
import re

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from studies.claims import resolve
from studies.claims.evidence import FULL, PLANNED
from studies.claims.study import load_resolved, load_study
from tests.conftest import PROJECT

FOLDER = PROJECT / "studies" / "claims"
FILE = FOLDER / "params.yaml"


@pytest.fixture
def resolved(params):
    return load_study(FILE).resolve(params)


def changed(tmp_path, key, value):
    values = YAML(typ="safe").load(FILE)
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    path = tmp_path / "params.yaml"
    YAML().dump(values, path)
    return path


def differing(one, other):
    one, other = one.model_dump(), other.model_dump()
    return {key for key in one if one[key] != other[key]}


def run_resolve(params, out, main=PROJECT / "params.yaml"):
    options = ["--params", params, "--main-params", main, "--out", out]
    options += ["--single", out.parent / "variants"]
    return CliRunner().invoke(resolve.main, [str(option) for option in options])


def test_variant_departs_from_the_recipe_in_the_named_values_only(resolved):
    usual, other = resolved["routed"].recipe, resolved["no_shifts"].recipe
    assert differing(usual, other) == {"max_shift"}


def test_recipe_is_the_main_one_but_for_what_the_study_changes(resolved, params):
    changed = set(load_study(FILE).common)
    assert differing(resolved["routed"].recipe, params.recipe) == changed


def test_variant_at_full_length_differs_in_its_epochs_only(resolved, params):
    names = [name for name in resolved if name.startswith(FULL)]
    assert len(names) > 10
    for name in names:
        short, full = (resolved[n] for n in (name.removeprefix(FULL), name))
        lengths = {"epochs": 18, "decoder_epochs": 18}
        assert full.recipe == short.recipe.model_copy(update=lengths)
        assert len({(other.dataset, other.latent_act) for other in (short, full)}) == 1


def test_variants_share_their_seeds():
    study = load_resolved(FOLDER / "variants.json")
    assert study.seeds_of("sign_none")[0] == study.seeds_of("routed")[0] == study.first_seed
    assert len(study.seeds_of("routed")) == 50


def test_every_planned_comparison_has_its_variants():
    study = load_study(FILE)
    names = {*study.variants, *study.halves.variants}
    assert {name for _, _, *pair in PLANNED for name in pair} <= names


def test_unknown_variant_is_named_with_those_that_exist():
    with pytest.raises(GrvaeError, match="variant: got 'nothing', allowed: beta_4, convolutions, "):
        load_resolved(FOLDER / "variants.json").variant("nothing")


def test_committed_variants_are_those_of_the_committed_parameters(tmp_path):
    result = run_resolve(FILE, tmp_path / "variants.json")
    assert result.exit_code == 0, result.output
    committed = (FOLDER / "variants.json").read_bytes()
    assert (tmp_path / "variants.json").read_bytes() == committed
    names = {path.name for path in (FOLDER / "variants").iterdir()}
    for name in names | {path.name for path in (tmp_path / "variants").iterdir()}:
        one, other = (folder / "variants" / name for folder in (FOLDER, tmp_path))
        assert one.read_bytes() == other.read_bytes()


def test_change_of_the_main_recipe_that_the_study_overrides_changes_no_variant(tmp_path):
    values = YAML(typ="safe").load(PROJECT / "params.yaml")
    values["evaluation"]["probe_images"] = 200
    values["overrides"]["fast"] = {}
    values["seeds"] = [1, 2]
    YAML().dump(values, tmp_path / "main.yaml")
    run_resolve(FILE, tmp_path / "variants.json", tmp_path / "main.yaml")
    committed = (FOLDER / "variants.json").read_bytes()
    assert (tmp_path / "variants.json").read_bytes() == committed


def test_change_of_the_main_recipe_reaches_every_variant_that_does_not_override_it(tmp_path):
    values = YAML(typ="safe").load(PROJECT / "params.yaml")
    values["recipe"]["max_rotation"] = 3.0
    YAML().dump(values, tmp_path / "main.yaml")
    run_resolve(FILE, tmp_path / "variants.json", tmp_path / "main.yaml")
    new = json.loads((tmp_path / "variants.json").read_text())["variants"]
    unmoved = {name for name, variant in new.items() if variant["recipe"]["max_rotation"] != 3}
    assert unmoved == {"rotations"}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("variants.routed", {"seeds": 1}, "variants.routed.seeds: got 1, should be greater"),
        ("variants.routed", {"epoch": 1}, "variants.routed.epoch: unknown key"),
        ("variants.routed", {"epochs": 0}, "variants.routed.epochs: got 0"),
        ("variants.x", {"dataset": "cifar"}, "variants.x.dataset: got 'cifar', should be"),
        ("variants.x", {"latent_act": "tanh"}, "variants.x.latent_act: got 'tanh', should be"),
        ("common.epochs", 0, "common.epochs: got 0"),
        ("evaluation.probes", 0, "evaluation.probes: unknown key"),
        ("halves.variants.split", {"seeds": 1, "recipe": {}}, "halves.variants.split.seeds: got 1"),
        (
            "halves.variants.split.recipe",
            {"epochs": 0},
            "halves.variants.split.recipe.epochs: got 0",
        ),
        ("reader.steps", 0, "reader.steps: got 0"),
    ],
)
def test_bad_value_is_one_line(tmp_path, key, value, message):
    path = changed(tmp_path, key, value)
    result = run_resolve(path, tmp_path / "variants.json")
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert re.match(f"Error: {re.escape(str(path))}: {re.escape(message)}", line), line
    assert not (tmp_path / "variants.json").exists()
