"""Whatever a recipe may say is trained, measured, exported and shown, or left out by name."""

import shutil
import typing
from types import NoneType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.base.layout import DataFolder
from grvae.base.storage import load_json
from grvae.data.labelled import Dataset
from grvae.data.published import load_digits
from grvae.data.sets import write_splits
from grvae.model.images import load_images
from grvae.model.vae import load_vae
from grvae.params import Recipe, Variant
from grvae.use.export import PARITY_LIMIT
from stages.demo import demo
from stages.evaluate import evaluate
from stages.export import export
from stages.resolve import resolve
from stages.train import train
from tests.conftest import PROJECT, write_small_params
from tests.handmade import outputs_by_hand

SEEDS = (0, 1)
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
EXPORTED = [name for name in CASES if name not in {"usual", "masked_parameters"}]
NOT_SHOWN = {"several_latents": "has 20 latents, the page shows 10"}


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


def invoke(command, **options):
    words = [f"--{name}={value}" for name, value in options.items()]
    return CliRunner().invoke(command, words)


def succeed(command, **options):
    result = invoke(command, **options)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with tiny images and the parameters of all cases, each trained and measured."""
    folder = tmp_path_factory.mktemp("recipes")
    overrides = {name: USUAL | case for name, case in CASES.items()}
    values = YAML(typ="safe").load(write_small_params(folder / "params.yaml"))
    values |= {"overrides": overrides, "variants": list(CASES)}
    YAML().dump(values, folder / "params.yaml")
    parts = [Dataset(part.images[:150], part.labels[:150]) for part in load_digits()]
    succeed(resolve, params=folder / "params.yaml", out=folder / "variants")
    for name, case in CASES.items():
        run = folder / "runs" / name / "0"
        common = {"variant": folder / "variants" / f"{name}.json", "data": folder / "data" / name}
        fraction = case.get("validation_fraction", 0.1)
        write_splits(DataFolder(common["data"] / "digits"), *parts, fraction)
        weights, history = run / "weights.safetensors", run / "history.csv"
        succeed(train, seed=0, weights=weights, history=history, **common)
        succeed(evaluate, params=folder / "params.yaml", run=run, **common)
        shutil.copytree(run, run.with_name("1"))  # the page asks for all seeds
    return SimpleNamespace(folder=folder, values=values)


def show(runs, *variants):
    """Build the page from some cases."""
    file = runs.folder / f"{'-'.join(variants)}.yaml"
    YAML().dump(runs.values | {"variants": list(variants)}, file)
    return invoke(
        demo,
        params=file,
        variants=runs.folder / "variants",
        data=runs.folder / "data" / "usual" / "digits",
        runs=runs.folder / "runs",
        sources=PROJECT / "grvae" / "demo",
        page=runs.folder / "page" / "-".join(variants),
    )


@pytest.mark.parametrize("name", CASES)
def test_model_of_any_recipe_is_measured(runs, name):
    measures = load_json(runs.folder / "runs" / name / "0" / "measures.json")
    assert 0 <= measures["argmax_accuracy"] <= 1
    assert sum(map(sum, measures["confusion"])) == 150


@pytest.mark.parametrize("name", EXPORTED)
def test_model_of_any_recipe_is_exported_and_agrees_with_its_onnx_files(runs, name):
    files = {key: runs.folder / "onnx" / f"{name}-{key}" for key in ("encoder", "decoder")}
    parity = runs.folder / "onnx" / f"{name}.json"
    data, run = runs.folder / "data" / name / "digits", runs.folder / "runs" / name / "0"
    measures = runs.folder / "onnx" / f"{name}-measures.json"
    output = succeed(export, data=data, run=run, measures=measures, parity=parity, **files)
    assert output.startswith("ONNX and PyTorch differ by ")
    # Nothing that another machine would write otherwise.
    assert load_json(parity) == {"images": 150, "limit": PARITY_LIMIT, "within_limit": True}
    pixels = load_images(DataFolder(data).test).pixels
    encoder, decoder = (onnxruntime.InferenceSession(file) for file in files.values())
    model = load_vae(run / "weights.safetensors")
    expected = [each.numpy() for each in outputs_by_hand(model, pixels)]
    given = encoder.run(["mean", "scale", "latents"], {"images": pixels.numpy()})
    given += decoder.run(["pixels"], {"latents": expected[2]})
    for actual, by_hand in zip(given, expected, strict=True):
        np.testing.assert_allclose(actual, by_hand, rtol=PARITY_LIMIT, atol=PARITY_LIMIT)


@pytest.mark.parametrize("name", CASES)
def test_model_of_any_recipe_is_shown_beside_another_or_left_out_by_name(runs, name):
    other = "unrouted" if name == "usual" else "usual"
    result = show(runs, name, other)
    assert result.exit_code == 0, result.output
    *left_out, size = result.output.splitlines()
    hidden = [f"{name}-{seed} {NOT_SHOWN[name]}" for seed in SEEDS if name in NOT_SHOWN]
    assert left_out == [f"left out of the page: {line}" for line in hidden]
    assert size.endswith(" MB")
    index = (runs.folder / "page" / f"{name}-{other}" / "data" / "index.js").read_text()
    assert index.count('"variant":') == 2 * len(SEEDS) - len(hidden)


def test_page_that_can_show_no_model_is_not_written_and_says_why_in_one_line(runs):
    result = show(runs, "several_latents")
    reasons = "; ".join(f"several_latents-{seed} {NOT_SHOWN['several_latents']}" for seed in SEEDS)
    assert result.exit_code == 1
    assert result.output == f"Error: no model that the page can show: {reasons}\n"
    assert not (runs.folder / "page" / "several_latents").exists()
