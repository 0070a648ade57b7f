"""Whatever a recipe may say is trained, measured, exported and shown, or left out by name."""

import shutil
import typing
from types import NoneType

import pytest
from click.testing import CliRunner

from grvae.base.layout import DataFolder
from grvae.base.storage import load_json
from grvae.data.labelled import Dataset
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.params import Recipe, Variant
from grvae.use.export import PARITY_LIMIT
from stages.demo import demo
from stages.evaluate import evaluate
from stages.export import export
from stages.resolve import resolve
from stages.train import train
from tests.conftest import PROJECT, write_small_params

USUAL = {
    "network": "mlp",
    "hidden_sizes": [16, 8],
    "decoder_sizes": None,
    "epochs": 1,
    "epoch_steps": 1,
    "decoder_epochs": 1,
    "noise": 1.0,
}
# Together these change every value of the recipe and take every word that it allows.
CASES = {
    "usual": {},
    "several_latents": {
        "latents_per_class": 2,
        "off_route_gradient": 0.5,
        "routed_images": 0.5,
        "wrong_labels": 0.2,
        "max_shift": 1,
        "relabel_margin": 0.5,
        "relabel_from": 0.3,
    },
    "masked_parameters": {"routing": "parameters"},
    "gated": {
        "network": "conv_encoder",
        "hidden_sizes": [2, 4, 16],
        "decoder_sizes": [16, 32],
        "batch_size": 64,
        "floor": 5.0,
        "ceiling": 2.0,
        "blocked_gradient_scale": -1.0,
        "doubt_margin": 2.0,
        "amplified_gradient_scale": 3.0,
        "unmask_schedule": [0.3, 0.5],
        "noise": 0.0,
    },
    "unrouted": {
        "routing": "none",
        "latent_act": "none",
        "cross_entropy_weight": 1.0,
        "hinge_weight": 1.0,
        "floor": 5.0,
        "ceiling": 2.0,
        "noise": 0.0,
    },
    "as_published": {
        "posterior": "as_published",
        "bottleneck": True,
        "hidden_act": "relu",
        "latent_act": "softplus",
        "initial_log_variance": None,
        "reconstruction": "squared_error",
        "reconstruction_weight": 0.3,
        "learning_rate": 0.001,
        "learning_rate_schedule": "exponential",
        "adam_beta2": 0.999,
        "weight_decay": 0.0,
        "decoder_epochs": 0,
    },
    "prior_of_each_digit": {
        "latent_act": "abs",
        "class_prior_mean": 3.0,
        "prior_mean": 0.0,
        "prior_dead_zone": 0.0,
        "prior_ramp": [0.0, 1.0],
        "kl_weight": 0.0,
        "final_kl_weight": 4.0,
        "decoder_learning_rate": 0.001,
        "validation_fraction": 0.0,
        "epochs": 2,
    },
}
# An export takes seconds. It sees of a recipe only the architecture, and those of the others have
# no part of their own.
EXPORTED = ["as_published"] + [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("several_latents", "gated", "unrouted", "prior_of_each_digit")
]


def words_of(annotation):
    """The values that a literal, a truth or an optional value may have, by name or by kind."""
    if annotation is bool:
        return {True, False}
    inner = typing.get_args(annotation)
    if NoneType in inner:
        return {None, "a value"}
    return set(inner) if typing.get_origin(annotation) is typing.Literal else set()


def test_cases_change_every_key_and_take_every_word_that_is_allowed(params):
    usual = params.recipe.model_dump() | {"latent_act": params.latent_act}
    fields = {**Recipe.model_fields, "latent_act": Variant.model_fields["latent_act"]}
    taken = {key: {repr(usual[key])} for key in fields}
    for case in CASES.values():
        for key, value in (USUAL | case).items():
            taken[key].add(repr(value))
    assert [key for key, values in taken.items() if len(values) == 1] == []
    for key, field in fields.items():
        for word in words_of(field.annotation):
            if word == "a value":
                assert taken[key] != {"None"}, key
            else:
                assert repr(word) in taken[key], (key, word)


def succeed(command, **options):
    result = CliRunner().invoke(command, [f"--{name}={value}" for name, value in options.items()])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tiny images and the parameters of all cases, each trained and measured."""
    folder = tmp_path_factory.mktemp("recipes")
    changes = {"variants": list(CASES), "overrides": {n: USUAL | c for n, c in CASES.items()}}
    params = write_small_params(folder / "params.yaml", **changes)
    parts = [Dataset(part.images[:150], part.labels[:150]) for part in load_digits()]
    succeed(resolve, params=params, out=folder / "variants")
    for name, case in CASES.items():
        run = folder / "runs" / name / "0"
        common = {"variant": folder / "variants" / f"{name}.json", "data": folder / "data" / name}
        fraction = case.get("validation_fraction", 0.1)
        write_splits(DataFolder(common["data"] / "digits"), *parts, fraction)
        weights, history = run / "weights.safetensors", run / "history.csv"
        succeed(train, seed=0, weights=weights, history=history, **common)
        succeed(evaluate, params=params, run=run, **common)
        shutil.copytree(run, run.with_name("1"))  # the page asks for all seeds
    return folder


@pytest.mark.parametrize("name", CASES)
def test_model_of_any_recipe_is_measured(folder, name):
    measures = load_json(folder / "runs" / name / "0" / "measures.json")
    assert 0 <= measures["argmax_accuracy"] <= 1
    assert sum(map(sum, measures["confusion"])) == 150


@pytest.mark.parametrize("name", EXPORTED)
def test_model_of_any_recipe_agrees_with_its_onnx_files(folder, tmp_path, name):
    files = {key: tmp_path / key for key in ("encoder", "decoder", "measures", "parity")}
    data, run = folder / "data" / name / "digits", folder / "runs" / name / "0"
    output = succeed(export, data=data, run=run, **files)
    assert output.startswith("ONNX and PyTorch differ by ")
    # Nothing that another machine would write otherwise.
    parity = {"images": 150, "limit": PARITY_LIMIT, "within_limit": True}
    assert load_json(files["parity"]) == parity


def test_model_of_any_recipe_is_shown_or_left_out_by_name(folder):
    output = succeed(
        demo,
        params=folder / "params.yaml",
        variants=folder / "variants",
        data=folder / "data" / "usual" / "digits",
        runs=folder / "runs",
        sources=PROJECT / "grvae" / "demo",
        page=folder / "page",
    )
    *left_out, size = output.splitlines()
    reason = "has 20 latents, the page shows 10"
    hidden = [f"left out of the page: several_latents-{seed} {reason}" for seed in (0, 1)]
    assert left_out == hidden
    assert size.endswith(" MB")
    index = (folder / "page" / "data" / "index.js").read_text()
    assert index.count('"variant":') == 2 * len(CASES) - len(hidden)
