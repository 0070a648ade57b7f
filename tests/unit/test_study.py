import json
import re

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.params import load_variant
from studies.claims import resolve
from studies.claims.study import load_study
from tests.conftest import PROJECT

FOLDER = PROJECT / "studies" / "claims"
FILE, MAIN = FOLDER / "params.yaml", PROJECT / "params.yaml"


@pytest.fixture
def resolved(params):
    return load_study(FILE).resolve(params)


def with_value(source, target, key, value):
    """A copy of a parameter file with one value changed."""
    values = YAML(typ="safe").load(source)
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    YAML().dump(values, target)
    return target


def differing(one, other):
    one, other = one.model_dump(), other.model_dump()
    return {key for key in one if one[key] != other[key]}


def run_resolve(out, params=FILE, main=MAIN):
    options = ["--params", params, "--main-params", main, "--out", out]
    return CliRunner().invoke(resolve.main, [str(option) for option in options])


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_variant_departs_from_its_start_in_the_named_values_only(resolved, params):
    for name, start in load_study(FILE).overrides.items():
        variant, usual = resolved[name], params.variant(start.of)
        expected = {key for key in start.changes if key not in {"dataset", "latent_act"}}
        found = differing(variant.recipe, usual.recipe)
        assert found == expected
        for key in ("dataset", "latent_act"):
            assert getattr(variant, key) == start.changes.get(key, getattr(usual, key))


def test_variant_has_the_values_that_it_names(resolved):
    assert resolved["gated_tenth"].recipe.routed_images == 0.1
    assert resolved["hard_none"].latent_act == "none"
    assert resolved["gated_fashion"].dataset == "fashion_mnist"


def test_committed_variants_are_those_of_the_committed_parameters(tmp_path):
    result = run_resolve(tmp_path / "variants")
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "variants") == written(FOLDER / "variants")


def test_variant_reads_back_as_it_was_resolved(resolved, tmp_path):
    run_resolve(tmp_path)
    assert {path.stem: load_variant(path) for path in tmp_path.iterdir()} == resolved


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", [1, 2]),
        ("variants", ["routed", "baseline"]),
        ("evaluation.probe_images", 200),
        ("overrides.fast", {"epochs": 1}),
    ],
)
def test_change_of_the_main_parameters_that_touches_no_variant_changes_no_byte(
    tmp_path, key, value
):
    main = with_value(MAIN, tmp_path / "main.yaml", key, value)
    run_resolve(tmp_path / "before")
    run_resolve(tmp_path / "after", main=main)
    assert written(tmp_path / "after") == written(tmp_path / "before")


def test_change_of_the_main_recipe_reaches_every_variant_that_does_not_override_it(
    tmp_path, params
):
    main = with_value(MAIN, tmp_path / "main.yaml", "recipe.max_shift", 9)
    run_resolve(tmp_path / "variants", main=main)
    shifts = {
        path.stem: json.loads(path.read_text())["recipe"]["max_shift"]
        for path in (tmp_path / "variants").iterdir()
    }
    overridden = {
        name
        for name, start in load_study(FILE).overrides.items()
        if "max_shift" in params.overrides[start.of] | start.changes
    }
    assert {name for name, shift in shifts.items() if shift != 9} == overridden
    assert {"routed", "hard"} <= overridden < shifts.keys()


def test_change_of_a_main_variant_reaches_those_that_start_from_it_and_no_others(tmp_path):
    main = with_value(MAIN, tmp_path / "main.yaml", "overrides.baseline.max_shift", 5)
    run_resolve(tmp_path / "before")
    run_resolve(tmp_path / "after", main=main)
    before, after = written(tmp_path / "before"), written(tmp_path / "after")
    assert {name for name in before if after[name] != before[name]} == {
        "baseline.json",
        "digit_prior.json",
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("overrides.routed.of", "nothing", "overrides.routed.of: got 'nothing', allowed: gated, "),
        ("overrides.hard.from", "hard", "overrides.hard.from: unknown key"),
        ("overrides.routed.changes", {"epoch": 1}, "overrides.routed.changes.epoch: unknown key"),
        ("overrides.routed.changes", {"epochs": 0}, "overrides.routed.changes.epochs: got 0"),
        (
            "overrides.gated_digits.changes",
            {"latent_act": "tanh"},
            "overrides.gated_digits.changes.latent_act: got 'tanh', should be",
        ),
        (
            "datasets",
            ["mnist", "digits"],
            "overrides.gated_fashion.changes.dataset: got 'fashion_mnist', allowed: mnist, digits",
        ),
        ("datasets", ["a/b"], "datasets.0: got 'a/b', should match pattern"),
        ("variants", ["gated"], "variants: should name all overrides, in their order"),
        ("overrides.more", {"of": "gated"}, "variants: should name all overrides, in their order"),
        ("seeds", [1], "seeds: got [1], should have at least 2 items"),
        ("seeds", [1, 1], "seeds: got 1 twice, each may stand once"),
        ("probe_images", 99, "probe_images: got 99, should be greater than or equal to 100"),
        ("seeds", [1, -1], "seeds.1: got -1, should be greater than or equal to 0"),
        ("reader.steps", 0, "reader.steps: got 0"),
    ],
)
def test_bad_value_is_one_line_and_nothing_is_written(tmp_path, key, value, message):
    params = with_value(FILE, tmp_path / "params.yaml", key, value)
    result = run_resolve(tmp_path / "variants", params)
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert re.match(f"Error: {re.escape(f'{params}: {message}')}", line), line
    assert not (tmp_path / "variants").exists()


def test_variants_stand_in_the_order_of_their_overrides(tmp_path):
    names = load_study(FILE).variants
    params = with_value(FILE, tmp_path / "params.yaml", "variants", names[::-1])
    result = run_resolve(tmp_path / "variants", params)
    assert (result.exit_code, (tmp_path / "variants").exists()) == (1, False)
