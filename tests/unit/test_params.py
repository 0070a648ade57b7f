import copy
import re

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
    assert params.variants == ["gated", "routed", "baseline", "cross_entropy"]


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        (
            "gated",
            "baseline",
            {"routing", "doubt_margin", "ceiling", "amplified_gradient_scale", "unmask_schedule"},
        ),
        (
            "reversing",
            "hinge",
            {"routing", "blocked_gradient_scale", "unmask_schedule", "hinge_weight"},
        ),
        ("cross_entropy", "baseline", {"cross_entropy_weight"}),
        ("routed", "hard", {"floor"}),
    ],
)
def test_variants_that_are_compared_differ_in_one_thing(params, one, other, keys):
    first, second = (params.variant(name).recipe.model_dump() for name in (one, other))
    assert {key for key in first if first[key] != second[key]} == keys


def test_published_recipe_is_the_published_one(params):
    published = params.variant("published").recipe
    assert published.hidden_sizes == [2048, 512]
    assert (published.reconstruction_weight, published.kl_weight) == (0.3, 1.0)
    assert (published.epochs, published.batch_size, published.learning_rate) == (100, 128, 1e-3)
    assert published.routing == "label"


@pytest.mark.parametrize(
    ("variant", "changes", "kind"),
    [
        ("baseline", {}, "none"),
        ("routed", {}, "mask"),
        ("hard", {"routing": "parameters"}, "mask"),
        ("gated", {"blocked_gradient_scale": -1.0}, "reversing gate"),
        ("cross_entropy", {}, "loss"),
        ("hinge", {}, "loss"),
        ("baseline", {"class_prior_mean": 0.0}, "prior"),
    ],
)
def test_kind_of_a_recipe_is_what_tells_the_latents_their_class(params, variant, changes, kind):
    assert params.variant(variant, changes).recipe.kind == kind


def test_override_changes_its_variant_only(tmp_path):
    params = load_changed(tmp_path, "overrides.wide", {"network": "mlp", "hidden_sizes": [64]})
    assert params.variant("wide").recipe.hidden_sizes == [64]
    assert params.variant("routed").recipe.hidden_sizes == VALUES["recipe"]["hidden_sizes"]


def test_override_may_hold_dataset_and_latent_activation(tmp_path):
    params = load_changed(
        tmp_path, "overrides.wide", {"dataset": "fashion_mnist", "latent_act": "abs"}
    )
    wide = params.variant("wide")
    assert (wide.dataset, wide.latent_act, wide.recipe) == ("fashion_mnist", "abs", params.recipe)
    assert params.variant("baseline").latent_act == params.latent_act


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "x.epochs: got 0, should be greater than or equal to 1"),
        ({"epoch": 1}, "x.epoch: unknown key"),
        ({"latent_act": "tanh"}, "x.latent_act: got 'tanh', should be 'relu', "),
        ({"dataset": None}, "x.dataset: got None, should be a valid string"),
        ({"recipe": {}}, "x.recipe: unknown key"),
        ({"prior_ramp": [0.5, 0.5]}, "x.prior_ramp: got 0.5 to 0.5, should rise"),
        ({"hinge_weight": 1.0, "floor": 3.0}, "x.hinge_weight: it takes a floor and a ceiling"),
    ],
)
def test_override_that_is_not_allowed_is_named_by_its_key(params, changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        params.common.override(changes, "x.")


def test_override_leaves_the_variant_that_it_starts_from_as_it_was(params):
    before = params.common
    changed = before.override({"epochs": 1, "latent_act": "none"}, "x.")
    assert (changed.recipe.epochs, changed.latent_act) == (1, "none")
    assert before == params.common


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("latent_act", "tanh", "latent_act: got 'tanh', should be 'relu', 'none', "),
        ("latent_act", None, "latent_act: got None, should be 'relu'"),
        ("dataset", "../mine", "dataset: got '../mine', should match pattern"),
        ("dataset", "", "dataset: got '', should match pattern"),
        ("image_side", 12, "image_side: got 12, should be greater than or equal to 16"),
        ("image_side", 68, "image_side: got 68, should be less than or equal to 64"),
        ("image_side", 30, "image_side: got 30, should be a multiple of 4"),
        ("image_colours", "cmyk", "image_colours: got 'cmyk', should be 'grey' or 'rgb'"),
        ("seeds", [0, 0], "seeds: got 0 twice, each may stand once"),
        ("seeds", [0], "seeds: got [0], should have at least 2 items"),
        ("seeds", [0, -1], "seeds.1: got -1, should be greater than or equal to 0"),
        ("seeds", [0, True], "seeds.1: got True, should be a valid integer"),
        ("seeds", 3, "seeds: got 3, should be a valid list"),
        ("variants", ["routed", "routed"], "variants: got 'routed' twice"),
        (
            "variants",
            ["wider"],
            "variants: got 'wider', allowed: gated, routed, baseline, cross_entropy, reversing",
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
        (
            "overrides.routed",
            {"network": "conv_encoder", "hidden_sizes": [8, 16]},
            "overrides.routed.hidden_sizes: got 2 values",
        ),
        ("overrides.baseline", {"routing": "off"}, "overrides.baseline.routing: got 'off'"),
        ("overrides.routed", {"dataset": "a/b"}, "overrides.routed.dataset: got 'a/b'"),
        ("overrides.routed", {"latent_act": 1}, "overrides.routed.latent_act: got 1, should be"),
        ("recipe.prior_ramp", [0.9, 0.3], "recipe.prior_ramp: got 0.9 to 0.3, should rise"),
        ("recipe.prior_ramp", [0.3], "recipe.prior_ramp: got [0.3], should have at least 2 items"),
        ("recipe.adam_beta2", 1.0, "recipe.adam_beta2: got 1.0, should be less than 1"),
        ("evaluation.probe_images", 99, "evaluation.probe_images: got 99, should be greater"),
        ("evaluation.slider_percentiles", [5.0], "evaluation.slider_percentiles: got [5.0]"),
        ("evaluation.probes", 1, "evaluation.probes: unknown key"),
        ("surprise", 1, "surprise: unknown key"),
    ],
)
def test_bad_value_is_named_with_what_is_allowed(tmp_path, key, value, message):
    with pytest.raises(GrvaeError) as caught:
        load_changed(tmp_path, key, value)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("recipe.off_route_gradient", 1.0, "less than 1"),
        ("recipe.routed_images", 0.0, "greater than 0"),
    ],
)
def test_routing_that_routes_nothing_is_refused_by_name_for_none_is_its_one_spelling(
    tmp_path, key, value, allowed
):
    with pytest.raises(GrvaeError, match=f"{key}: got {value}, should be {allowed}$"):
        load_changed(tmp_path, key, value)


@pytest.mark.parametrize("key", ["dataset", "seeds", "recipe", "evaluation", "overrides"])
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
