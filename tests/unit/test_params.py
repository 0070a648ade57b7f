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
    assert (published.epochs, published.batch_size) == (100, 128)


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


def test_override_changes_its_variant_only_and_may_hold_dataset_and_latent_activation(tmp_path):
    changes = {"dataset": "fashion_mnist", "latent_act": "abs", "epochs": 7}
    params = load_changed(tmp_path, "overrides.wide", changes)
    wide = params.variant("wide")
    assert (wide.dataset, wide.latent_act) == ("fashion_mnist", "abs")
    assert wide.recipe == params.recipe.model_copy(update={"epochs": 7})
    assert params.variant("baseline").latent_act == params.latent_act
    assert params.variant("baseline").recipe.epochs == VALUES["recipe"]["epochs"]


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
        ("variants", ["wider"], "variants: got 'wider', allowed: gated, routed, baseline, "),
        ("variants", ["../routed"], "variants.0: got '../routed', should match pattern"),
        # Routing that routes nothing: `none` is its one spelling.
        ("recipe.off_route_gradient", 1.0, "off_route_gradient: got 1.0, should be less than 1"),
        ("recipe.routed_images", 0.0, "routed_images: got 0.0, should be greater than 0"),
        ("recipe.kl_weight", float("nan"), "recipe.kl_weight: got nan, should be"),
        ("recipe.learning_rates", 0.1, "recipe.learning_rates: unknown key"),
        ("recipe", {}, "recipe.validation_fraction: missing"),
        ("overrides.routed", {"hidden_sizes": [8, 16]}, "overrides.routed.hidden_sizes: got 2"),
        ("overrides.routed", {"dataset": "digits"}, "overrides.routed.dataset: got 'digits', "),
        (
            "overrides.baseline",
            {"hinge_weight": 1.0, "floor": 3.0},
            "overrides.baseline.hinge_weight: it takes a floor and a ceiling",
        ),
        ("recipe.prior_ramp", [0.5, 0.5], "recipe.prior_ramp: got 0.5 to 0.5, should rise"),
    ],
)
def test_bad_value_is_named_with_what_is_allowed(tmp_path, key, value, message):
    with pytest.raises(GrvaeError) as caught:
        load_changed(tmp_path, key, value)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "params.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["- 1", "a: [", "a: &x [*x]"])
def test_file_that_is_no_mapping_is_named(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(GrvaeError, match=r"params.yaml: "):
        load_params(tmp_path / "params.yaml")
