import pytest
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.params import load_params
from studies.claims.evidence import FULL, PLANNED
from studies.claims.study import load_study
from tests.conftest import PROJECT

FILE = PROJECT / "studies" / "claims" / "params.yaml"


def changed(tmp_path, section, key, value):
    values = YAML(typ="safe").load(FILE)
    values[section][key] = value
    path = tmp_path / "params.yaml"
    YAML().dump(values, path)
    return path


def test_setting_departs_from_the_recipe_in_the_named_values_only():
    study = load_study(FILE)
    usual, other = study.recipe_of("routed").model_dump(), study.recipe_of("no_shifts").model_dump()
    assert {key for key in usual if usual[key] != other[key]} == {"max_shift"}


def test_recipe_is_the_main_one_but_for_its_length():
    study, main = load_study(FILE).recipe.model_dump(), load_params(PROJECT / "params.yaml")
    usual = main.recipe.model_dump()
    assert {key for key in usual if usual[key] != study[key]} == {"epochs", "decoder_epochs"}


def test_setting_at_full_length_differs_in_its_epochs_only_and_has_those_of_the_main_recipe():
    study, main = load_study(FILE), load_params(PROJECT / "params.yaml").recipe
    names = [name for name in study.names if name.startswith(FULL)]
    assert len(names) > 10
    for name in names:
        short, full = (study.recipe_of(n) for n in (name.removeprefix(FULL), name))
        lengths = {"epochs": main.epochs, "decoder_epochs": main.decoder_epochs}
        assert full == short.model_copy(update=lengths)
        others = [study.setting(n) for n in (name.removeprefix(FULL), name)]
        assert len({(other.dataset, other.latent_act) for other in others}) == 1


def test_settings_share_their_seeds():
    study = load_study(FILE)
    assert study.seeds_of("sign_none")[0] == study.seeds_of("routed")[0] == study.first_seed
    assert len(study.seeds_of("routed")) == 50


def test_every_planned_comparison_has_its_settings():
    study = load_study(FILE)
    names = {*study.names, *study.split.settings}
    assert {name for _, _, *pair in PLANNED for name in pair} <= names


def test_unknown_setting_is_named_with_those_that_exist():
    with pytest.raises(GrvaeError, match="setting: got 'nothing', allowed: routed, unrouted, "):
        load_study(FILE).setting("nothing")


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("settings", "routed", {"seeds": 1}, "settings.routed.seeds: got 1, should be greater"),
        ("settings", "routed", {"epochs": 1}, "settings.routed.epochs: unknown key"),
        ("settings", "routed", {"recipe": {"epochs": 0}}, "settings.routed.recipe.epochs: got 0"),
        ("other_data", "x", {"dataset": "cifar"}, "other_data.x.dataset: got 'cifar', should be"),
        ("recipe", "epochs", 0, "recipe.epochs: got 0"),
    ],
)
def test_bad_value_is_one_line(tmp_path, section, key, value, message):
    path = changed(tmp_path, section, key, value)
    with pytest.raises(GrvaeError) as caught:
        load_study(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)
