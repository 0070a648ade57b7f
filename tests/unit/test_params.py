import copy

import pytest
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.params import load_params
from tests.conftest import PROJECT

VALUES = YAML(typ="safe").load(PROJECT / "params.yaml")


def load_changed(tmp_path, key, value):
    values = copy.deepcopy(VALUES)
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    YAML().dump(values, tmp_path / "params.yaml")
    return load_params(tmp_path / "params.yaml")


def test_committed_file_is_valid(params):
    assert params.variants[:2] == ["routed", "baseline"]


def test_variants_differ_in_routing_alone(params):
    routed, baseline = (params.recipe_of(name).model_dump() for name in ("routed", "baseline"))
    assert {key for key in routed if routed[key] != baseline[key]} == {"routing"}


def test_published_recipe_is_the_published_one(params):
    published = params.recipe_of("published")
    assert published.hidden_sizes == [2048, 512]
    assert (published.reconstruction_weight, published.kl_weight) == (0.3, 1.0)
    assert (published.epochs, published.batch_size, published.learning_rate) == (100, 128, 1e-3)
    assert published.routing == "label"


def test_override_changes_its_variant_only(tmp_path):
    params = load_changed(tmp_path, "overrides.wide", {"hidden_sizes": [64]})
    assert params.recipe_of("wide").hidden_sizes == [64]
    assert params.recipe_of("routed").hidden_sizes == VALUES["recipe"]["hidden_sizes"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("latent_act", "tanh", "latent_act: got 'tanh', should be 'relu', 'none', "),
        ("latent_act", None, "latent_act: got None, should be 'relu'"),
        (
            "dataset",
            "cifar",
            "dataset: got 'cifar', should be 'mnist', 'fashion_mnist', 'kmnist' or 'digits'",
        ),
        ("seeds", [0, 0], "seeds: got 0 twice, each may stand once"),
        ("seeds", [0], "seeds: got [0], should have at least 2 items"),
        ("seeds", [0, -1], "seeds.1: got -1, should be greater than or equal to 0"),
        ("seeds", [0, True], "seeds.1: got True, should be a valid integer"),
        ("seeds", 3, "seeds: got 3, should be a valid list"),
        ("variants", ["routed", "routed"], "variants: got 'routed' twice"),
        (
            "variants",
            ["wider"],
            "variants: got 'wider', allowed: routed, baseline, fast, published",
        ),
        ("variants", ["../routed"], "variants.0: got '../routed', should match pattern"),
        ("recipe.epochs", 0, "recipe.epochs: got 0, should be greater than or equal to 1"),
        ("recipe.epochs", 2.5, "recipe.epochs: got 2.5, should be a valid integer"),
        ("recipe.kl_weight", -0.1, "recipe.kl_weight: got -0.1, should be greater"),
        ("recipe.kl_weight", float("nan"), "recipe.kl_weight: got nan, should be"),
        ("recipe.kl_weight", "0.1", "recipe.kl_weight: got '0.1', should be a valid number"),
        ("recipe.hidden_sizes", [], "recipe.hidden_sizes: got [], should have at least 1 item"),
        ("recipe.learning_rates", 0.1, "recipe.learning_rates: unknown key"),
        ("overrides.routed", {"epoch": 3}, "overrides.routed.epoch: unknown key"),
        ("overrides.routed", {"network": "conv"}, "overrides.routed.hidden_sizes: got 2 values"),
        ("overrides.baseline", {"routing": "off"}, "overrides.baseline.routing: got 'off'"),
        ("surprise", 1, "surprise: unknown key"),
    ],
)
def test_bad_value_is_named_with_what_is_allowed(tmp_path, key, value, message):
    with pytest.raises(GrvaeError) as caught:
        load_changed(tmp_path, key, value)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["dataset", "seeds", "recipe", "overrides"])
def test_missing_key_is_named(tmp_path, key):
    YAML().dump({k: v for k, v in VALUES.items() if k != key}, tmp_path / "params.yaml")
    with pytest.raises(GrvaeError, match=f"params.yaml: {key}: missing"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "a: &x [*x]", "\x00"])
def test_file_that_is_no_mapping_is_named(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(GrvaeError, match=r"params.yaml: "):
        load_params(tmp_path / "params.yaml")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(GrvaeError, match=r"cannot read .*absent.yaml: No such file"):
        load_params(tmp_path / "absent.yaml")
