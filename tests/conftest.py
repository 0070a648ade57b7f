"""Small inputs for all tests: blobs that look enough like digits to train on in milliseconds."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from torch import Tensor, nn

from grvae.model.images import ImageSet, draw_validation
from grvae.model.run import EpochRow
from grvae.model.training import train_vae
from grvae.model.vae import VAE
from grvae.params import Params, Recipe, load_params

PROJECT = Path(__file__).parent.parent
torch.set_num_threads(1)  # the tests run on every core already


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that no process works on one while the others have ended."""
    items.sort(key=lambda item: "pipeline" not in item.path.parts)


@pytest.fixture(scope="session")
def params() -> Params:
    return load_params(PROJECT / "params.yaml")


@pytest.fixture(scope="session")
def recipe(params: Params) -> Recipe:
    """Hard routing with noise and two phases, small, and gentle enough for 200 images.

    Its schedules move, so that a test notices where one stands still.
    """
    small: dict[str, object] = {
        "network": "mlp",
        "hidden_sizes": [32, 16],
        "decoder_sizes": None,
        "batch_size": 64,
        "epoch_steps": 1,
    }
    small |= {"epochs": 1, "decoder_epochs": 1, "max_shift": 1}
    small |= {"kl_weight": 0.1, "final_kl_weight": 0.2}
    return params.variant("hard").recipe.model_copy(update=small)


def blobs(count: int) -> ImageSet:
    """Noisy images of each label in turn; each label lights its own 70 pixels."""
    noise = torch.rand(count, 784, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(count) % 10
    lit = torch.arange(784) // 70 == labels[:, None]
    return ImageSet((0.2 * noise + 0.8 * lit).clamp(0, 1), labels)


@pytest.fixture
def images() -> ImageSet:
    """200 of them, 20 a label."""
    return blobs(200)


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Sets how many threads torch uses; afterwards they are as many as in all other tests."""
    yield torch.set_num_threads
    torch.set_num_threads(1)


def trained(
    images: ImageSet, recipe: Recipe, seed: int = 0, **options: Any
) -> tuple[VAE, list[EpochRow]]:
    """A model that has learned from some of the images, and its history with the others."""
    for_training, for_validation = draw_validation(len(images), recipe.validation_fraction)
    return train_vae(images[for_training], images[for_validation], recipe, "relu", seed, **options)


def weights_of(module: nn.Module) -> Tensor:
    """All of them in a row."""
    return torch.cat([weights.flatten() for weights in module.state_dict().values()])


def write_small_params(path: Path, recipe: Mapping[str, object] = {}, **changes: object) -> Path:
    """The committed parameters, shrunk to run on the embedded digits in seconds.

    Args:
        path: the file to write.
        recipe: changes of the common recipe.
        changes: changes of the other parameters.
    """
    yaml = YAML()
    values = yaml.load(PROJECT / "params.yaml")
    values |= {"dataset": "digits", "variants": ["routed", "baseline"], "seeds": [0, 1]}
    values["recipe"] |= {"epochs": 1, "decoder_epochs": 1, "epoch_steps": 1} | recipe
    for override in values["overrides"].values():
        override |= {key: 1 for key in ("epochs", "decoder_epochs") if key in override}
    yaml.dump(values | changes, path)
    return path
