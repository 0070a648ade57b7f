"""Whatever a file holds, a reader gives a valid value or the one-line error: 3,000 bad inputs."""

import copy
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.base.seeding import random_stream
from grvae.base.storage import save_arrays
from grvae.data.pictures import opaque, open_picture, squared
from grvae.model.vae import VAE, Architecture, build_vae, load_vae, save_vae
from grvae.params import Params, load_params
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

COMMITTED = (PROJECT / "params.yaml").read_bytes()
VALUES = YAML(typ="safe").load(COMMITTED)
FUZZ = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def paths(value, prefix=()):
    """Every place in a nested value, as keys from the root."""
    yield prefix
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from paths(inner, (*prefix, key))


def check(load, path, kind):
    """A valid value, or an error on one line that names the file."""
    try:
        assert isinstance(load(path), kind)
    except GrvaeError as error:
        assert str(path) in str(error)
        assert "\n" not in str(error)


def damaged(content):
    """Contents that differ from a good one in a few bytes, are cut, or have bytes put in."""
    places, removed = st.integers(0, len(content)), st.sampled_from([0, 1, 8, len(content)])
    return st.tuples(places, st.binary(max_size=8), removed).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] + change[2] :]
    )


@given(content=st.binary(max_size=60) | damaged(COMMITTED))
@settings(max_examples=500, **FUZZ)
def test_parameter_file_with_any_bytes(tmp_path, content):
    (tmp_path / "params.yaml").write_bytes(content)
    check(load_params, tmp_path / "params.yaml", Params)


@given(place=st.sampled_from([path for path in paths(VALUES) if path]), value=anything)
@settings(max_examples=500, **FUZZ)
def test_parameter_file_with_any_value_anywhere(tmp_path, place, value):
    values = copy.deepcopy(VALUES)
    section = values
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    with (tmp_path / "params.yaml").open("w") as file:
        YAML(typ="safe").dump(values, file)
    check(load_params, tmp_path / "params.yaml", Params)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    architecture = Architecture("mlp", (3,), "relu", False, 2, "relu", "gaussian")
    path = tmp_path_factory.mktemp("weights") / "weights"
    save_vae(path, build_vae(architecture, random_stream(0, "init")))
    return path.read_bytes()


@given(data=st.data())
@settings(max_examples=500, **FUZZ)
def test_weights_file_with_any_bytes(tmp_path, weights, data):
    header = 8 + int.from_bytes(weights[:8], "little")
    bad_header = damaged(weights[:header]).map(lambda start: start + weights[header:])
    content = data.draw(st.binary(max_size=60) | bad_header | damaged(weights))
    (tmp_path / "weights").write_bytes(content)
    check(load_vae, tmp_path / "weights", VAE)


@given(about=st.dictionaries(st.sampled_from(list(Architecture.__annotations__)), anything))
@settings(max_examples=500, **FUZZ)
def test_weights_file_with_any_description(tmp_path, about):
    save_arrays(tmp_path / "weights", {}, about)
    check(load_vae, tmp_path / "weights", VAE)


def encoded(mode, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, **options)
    return content.getvalue()


EXIF = Image.Exif()
EXIF[0x0112] = 6  # lies on its side
PICTURES = {
    "png": encoded("P", format="PNG"),
    "jpeg": encoded("RGB", format="JPEG", exif=EXIF),
    "tiff": encoded("LAB", format="TIFF"),
    "gif": encoded("P", format="GIF", save_all=True, append_images=[Image.new("P", (17, 12))]),
    "webp": encoded("RGBA", format="WEBP"),
}


def read_square(path):
    with open_picture(path) as picture:
        return squared(opaque(picture), 16, "rgb")


@pytest.mark.parametrize("kind", PICTURES)
@given(data=st.data())
@settings(max_examples=200, **FUZZ)
def test_picture_with_any_bytes(tmp_path, kind, data):
    (tmp_path / "picture").write_bytes(data.draw(damaged(PICTURES[kind])))
    check(read_square, tmp_path / "picture", np.ndarray)
