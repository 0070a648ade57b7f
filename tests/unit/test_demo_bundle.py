import base64
import dataclasses
import re
import zlib

import numpy as np
import pytest
import torch

from grvae.base.image_spec import MNIST, ImageSpec
from grvae.model.images import ImageSet
from grvae.model.vae import build_model
from grvae.use import demo_bundle
from grvae.use.demo_bundle import (
    GREYS,
    ROOM_FOR_THE_REST,
    TEST_IMAGES,
    Run,
    build_bundle,
    describe_images,
    describe_miniatures,
    describe_spec,
    method_of,
    opening_runs,
)
from tests.conftest import PROJECT
from tests.handmade import MEASURES

ENDS = (5.0, 95.0)


def run_of(recipe, variant="routed", spec=MNIST):
    model = build_model(recipe, "relu", 0, spec)
    measures = MEASURES | {"assignment": list(range(len(spec.classes)))}
    return Run(variant, 0, recipe, model, "0" * 64, measures)


def inflated(text):
    return zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS)


def test_models_over_the_budget_are_left_out(recipe, images, monkeypatch):
    runs = [run_of(recipe, variant) for variant in ("routed", "gated", "baseline")]
    whole = build_bundle(runs, images, images, ENDS)
    assert (whole["index"]["left_out"], whole["index"]["opens"]) == ([], ["routed-0", "gated-0"])
    one = len(whole["test_images"]["pixels"]) + 1.5 * len(whole["routed-0"]["bytes"])
    monkeypatch.setattr(demo_bundle, "PAGE_BUDGET", ROOM_FOR_THE_REST + one)
    bundle = build_bundle(runs, images, images, ENDS)
    assert [each["name"] for each in bundle["index"]["models"]] == ["routed-0"]
    assert [each["name"] for each in bundle["index"]["left_out"]] == ["gated-0", "baseline-0"]
    assert "would make the page larger than" in bundle["index"]["left_out"][1]["reason"]


@pytest.mark.parametrize(
    ("changes", "method"),
    [
        ({"floor": 5.0, "ceiling": None}, "routed"),
        ({"floor": 5.0, "ceiling": 2.0}, "gated"),
        ({"routing": "none", "cross_entropy_weight": 30.0}, "classified"),
        ({"routing": "none", "class_prior_mean": 30.0}, "prior"),
    ],
)
def test_method_is_read_off_the_recipe(recipe, changes, method):
    assert method_of(recipe.model_copy(update=changes)) == method


def noise(spec, count):
    """Images that do not compress, of every class in turn."""
    pixels = torch.rand(count, spec.pixels, generator=torch.Generator().manual_seed(0))
    return ImageSet(pixels, torch.arange(count) % len(spec.classes), spec)


def test_model_of_other_images_is_left_out_by_name(recipe, images):
    other = run_of(recipe, "other", ImageSpec(MNIST.classes, side=16, colours=1))
    (left_out,) = build_bundle([run_of(recipe), other], images, images, ENDS)["index"]["left_out"]
    assert left_out == {
        "name": "other-0",
        "reason": "was trained on images of another size, or of other classes",
    }


@pytest.mark.parametrize(
    ("classes", "colours", "noun", "drawable"),
    [
        ("0123456789", 1, "digit", True),
        ("357", 1, "digit", True),
        ("ABCxyz", 1, "letter", True),
        ("ABC", 3, "letter", False),
        ("A1", 1, "class", True),
        (["cat", "dog"], 1, "class", False),
    ],
)
def test_classes_decide_the_noun_and_whether_a_pen_may_draw(classes, colours, noun, drawable):
    spec = ImageSpec(tuple(classes), 16, colours)
    dark = ImageSet(torch.zeros(4, spec.pixels), torch.arange(4) % 2, spec)
    described = describe_spec(dark)
    assert (described["noun"], described["drawable"]) == (noun, drawable)
    light = dataclasses.replace(dark, stored=1 - dark.pixels)
    assert not describe_spec(light)["drawable"]


def test_large_images_in_colour_are_fewer_and_leave_room_for_their_models(recipe, monkeypatch):
    monkeypatch.setattr(demo_bundle, "PAGE_BUDGET", 500_000)  # of images of MNIST's size
    spec = ImageSpec(tuple(f"class {i}" for i in range(62)), side=64, colours=3)
    images = noise(spec, 310)
    wide = recipe.model_copy(update={"hidden_sizes": [16, 16]})
    runs = [run_of(wide, variant, spec) for variant in ("routed", "baseline")]
    bundle = build_bundle(runs, images, images, ENDS)
    assert bundle["index"]["left_out"] == []
    assert sum(len(bundle[run.name]["bytes"]) for run in runs) > 500_000
    assert len(bundle["test_images"]["pixels"]) <= demo_bundle.IMAGES_BUDGET
    numbers = bundle["test_images"]["numbers"]
    assert 62 < len(numbers) == len(set(numbers)) < len(images)


def test_images_are_evenly_taken():
    digits = describe_images(noise(MNIST, 2500), TEST_IMAGES)
    numbers = digits["numbers"]
    assert len(numbers) == len(set(numbers)) == TEST_IMAGES
    assert (numbers[0], numbers[-1]) == (0, 2499)
    assert digits["labels"] == [number % 10 for number in numbers]


def test_sliders_reach_rest_and_the_pure_digits_and_lie_within_the_bars(recipe, images):
    model = build_bundle([run_of(recipe)], images, images, ENDS)["routed-0"]
    low, high = model["sliders"]
    for name in ("rest", "pure", "own_low", "own_high"):
        values = np.array(model["latents"][name])
        assert low - 1e-3 <= values.min() <= values.max() <= high + 1e-3
    assert model["bars"][0] <= low < high <= model["bars"][1]


def test_page_opens_with_the_first_run_and_one_without_routing(recipe):
    unrouted = recipe.model_copy(update={"routing": "none"})
    one, two, three = run_of(recipe, "one"), run_of(recipe, "two"), run_of(unrouted, "three")
    assert opening_runs([one, two, three]) == [one, three]
    assert opening_runs([one]) == [one]


@pytest.mark.parametrize(("side", "small", "by"), [(28, 14, 2), (64, 16, 4)])
def test_miniatures_are_averages_of_both_splits_in_few_greys(side, small, by):
    spec = ImageSpec(MNIST.classes, side, 3)
    train, test = noise(spec, 20), noise(spec, 5)
    described = describe_miniatures(train, test)
    assert (described["side"], described["held_out"]) == (small, 5)
    assert described["labels"] == [*train.labels.tolist(), *test.labels.tolist()]
    stored = np.frombuffer(inflated(described["pixels"]), np.uint8).reshape(25, small, small)
    corner = train.pixels[3].unflatten(0, (3, side, side))[:, :by, by : 2 * by].mean()
    assert abs(stored[3, 0, 1] / GREYS - float(corner)) <= 0.51 / GREYS


def test_page_is_computed_on_one_thread(recipe, images, set_threads, monkeypatch):
    """More of them split sums otherwise, in a few values; see `grvae.base.determinism`."""
    seen = set()
    monkeypatch.setattr(demo_bundle, "low_margin", lambda *_: seen.add(torch.get_num_threads()))
    set_threads(2)
    build_bundle([run_of(recipe)], images, images, ENDS)
    assert (seen, torch.get_num_threads()) == ({1}, 2)


def test_page_forbids_what_is_not_its_own_file_before_it_loads_anything():
    head = (PROJECT / "grvae" / "demo" / "index.html").read_text().partition("</head>")[0]
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', head)
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert "unsafe" not in policy
    # It holds for what comes after it.
    assert head.index(policy) < min(head.index("<link"), head.index("<title"))
