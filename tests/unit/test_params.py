import copy
import re

import pytest
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.params import load_params
from tests.conftest import PROJECT

COMMITTED = (PROJECT / "params.yaml").read_text()
VALUES = YAML(typ="safe").load(COMMITTED)


def load_changed(tmp_path, key, value):
    values = copy.deepcopy(VALUES)
    *parents, last = key.split(".")
    section = values
    for parent in parents:
        section = section[parent]
    section[last] = value
    YAML().dump(values, tmp_path / "params.yaml")
    return load_params(tmp_path / "params.yaml")


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
        ({"latent_act": "tanh"}, "x.latent_act: got 'tanh', should be 'relu', "),
        ({"recipe": {}}, "x.recipe: unknown key"),
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
        ("dataset", "../mine", "dataset: got '../mine', should match pattern"),
        ("image_side", 30, "image_side: got 30, should be a multiple of 4"),
        ("seeds", [0, 0], "seeds: got 0 twice, each may stand once"),
        ("seeds", [0], "seeds: got [0], should have at least 2 items"),
        ("seeds", [0, True], "seeds.1: got True, should be a valid integer"),
        ("variants", ["routed", "routed"], "variants: got 'routed' twice"),
        (
            "variants",
            ["wider"],
            "variants: got 'wider', allowed: gated, routed, baseline, cross_entropy, reversing",
        ),
        ("recipe.epochs", 2.5, "recipe.epochs: got 2.5, should be a valid integer"),
        ("recipe.kl_weight", float("nan"), "recipe.kl_weight: got nan, should be"),
        ("recipe.kl_weight", "0.1", "recipe.kl_weight: got '0.1', should be a valid number"),
        ("overrides.routed", {"epoch": 3}, "overrides.routed.epoch: unknown key"),
        (
            "overrides.routed",
            {"network": "conv_encoder", "hidden_sizes": [8, 16]},
            "overrides.routed.hidden_sizes: got 2 values",
        ),
        ("overrides.routed", {"dataset": "a/b"}, "overrides.routed.dataset: got 'a/b'"),
        ("recipe.prior_ramp", [0.9, 0.3], "recipe.prior_ramp: got 0.9 to 0.3, should rise"),
        ("recipe.off_route_gradient", 1.0, "off_route_gradient: got 1.0, should be less than 1"),
        ("recipe.routed_images", 0.0, "routed_images: got 0.0, should be greater than 0"),
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
    ("content", "message"),
    [
        (COMMITTED.replace("dataset:", "#", 1), "params.yaml: dataset: missing"),
        ("", "params.yaml: "),
        ("- 1", "params.yaml: the file is not a mapping"),
        ("a: [", "params.yaml: not valid YAML"),
        ("a: &x [*x]", "params.yaml: "),
        (None, "cannot read .*params.yaml: No such file"),
    ],
)
def test_file_that_is_no_mapping_or_lacks_a_key_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "params.yaml").write_text(content)
    with pytest.raises(GrvaeError, match=message):
        load_params(tmp_path / "params.yaml")
