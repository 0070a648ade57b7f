"""Small inputs for all tests: blobs that look enough like digits to train on in milliseconds."""

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML

import grvae  # noqa: F401 - pins the numerics before any test imports torch
from grvae.model.images import ImageSet
from grvae.params import Params, Recipe, load_params

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def params() -> Params:
    return load_params(PROJECT / "params.yaml")


@pytest.fixture
def recipe(params: Params) -> Recipe:
    """The default recipe, small, and gentle enough for 200 images."""
    small = {"hidden_sizes": [32, 16], "epochs": 1, "decoder_epochs": 1, "batch_size": 64}
    small |= {"kl_weight": 0.1, "final_kl_weight": 0.1, "max_shift": 0}
    return params.recipe_of("routed").model_copy(update=small)


@pytest.fixture
def images() -> ImageSet:
    """200 noisy images, 20 a label; each label lights its own 70 pixels."""
    noise = torch.rand(200, 784, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(200) % 10
    lit = torch.arange(784) // 70 == labels[:, None]
    return ImageSet((0.2 * noise + 0.8 * lit).clamp(0, 1), labels)


def write_small_params(path: Path, **changes: object) -> Path:
    """The committed parameters, shrunk to run on the embedded digits in seconds."""
    yaml = YAML()
    values = yaml.load(PROJECT / "params.yaml")
    values |= {"dataset": "digits", "seeds": [0, 1]} | changes
    values["recipe"] |= {"epochs": 1, "decoder_epochs": 1}
    values["overrides"]["published"] |= {"epochs": 1}
    yaml.dump(values, path)
    return path
