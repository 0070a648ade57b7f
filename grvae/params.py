"""Typed, frozen, validated view of `params.yaml`; the only module that opens a parameter file.

There are no defaults in code: a missing key is an error, so the file tells the whole truth.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from grvae.base.errors import GrvaeError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
LatentActName = Literal["relu", "none", "softplus", "abs"]
DatasetName = Literal["mnist", "fashion_mnist", "kmnist", "digits"]
CONV_HIDDEN_LAYERS = 3
# A variant's name becomes a folder name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """One group of parameters: no unknown keys, no coercion between types, no later change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def merged(self, changes: Mapping[str, Any], prefix: str) -> Self:
        """The same section with some values replaced.

        Raises:
            ValueError: a value is not allowed; names its key after `prefix`.
        """
        return _validate(type(self), {**self.model_dump(), **changes}, prefix)


SectionType = TypeVar("SectionType", bound=Section)


class Recipe(Section):
    """How one model is built and trained; `params.yaml` explains each value."""

    validation_fraction: Annotated[float, Field(ge=0, le=0.5)]

    routing: Literal["label", "none"]
    kl_routing: Literal["label", "none"]
    off_route_gradient: Fraction
    routed_images: Fraction
    wrong_labels: Fraction
    latents_per_digit: Annotated[int, Field(ge=1, le=1024)]
    free_latents: Annotated[int, Field(ge=0, le=1024)]

    network: Literal["mlp", "conv"]
    hidden_sizes: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(min_length=1)]
    hidden_act: Literal["relu", "silu"]
    bottleneck: bool
    posterior: Literal["gaussian", "as_published"]
    initial_log_variance: Annotated[float, Field(ge=-20, le=20)] | None

    reconstruction: Literal["squared_error", "binary_cross_entropy"]
    reconstruction_weight: Positive
    kl_weight: NonNegative
    final_kl_weight: NonNegative
    prior_mean: Annotated[float, Field(ge=-100, le=100)]
    prior_slack: Annotated[float, Field(ge=0, le=100)]
    digit_prior_mean: Annotated[float, Field(ge=-100, le=100)] | None
    cross_entropy_weight: NonNegative
    noise: Annotated[float, Field(ge=0, le=100)]

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    learning_rate_schedule: Literal["one_cycle", "exponential"]
    adam_beta2: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Fraction
    max_shift: Annotated[int, Field(ge=0, le=27)]
    max_rotation: Annotated[float, Field(ge=0, le=180)]
    batch_size: Count
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    decoder_epochs: Annotated[int, Field(ge=0, le=10_000)]
    decoder_learning_rate: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        if self.network == "conv" and len(self.hidden_sizes) != CONV_HIDDEN_LAYERS:
            raise ValueError(
                f"hidden_sizes: got {len(self.hidden_sizes)} values, a conv network has "
                f"{CONV_HIDDEN_LAYERS}"
            )
        return self


class Params(Section):
    """The whole of `params.yaml`."""

    dataset: DatasetName
    latent_act: LatentActName
    variants: Annotated[list[Name], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=2)]
    recipe: Recipe
    overrides: dict[Name, dict[str, Any]]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        _reject_duplicates("variants", self.variants)
        _reject_duplicates("seeds", self.seeds)
        for variant in self.variants:
            if variant not in self.overrides:
                allowed = ", ".join(self.overrides)
                raise ValueError(f"variants: got {variant!r}, allowed: {allowed}")
        for variant in self.overrides:
            self.recipe_of(variant)
        return self

    def recipe_of(self, variant: str) -> Recipe:
        """The recipe of a variant: the common one with the variant's overrides."""
        return self.recipe.merged(self.overrides[variant], f"overrides.{variant}.")


def load_params(path: Path) -> Params:
    """Read and check the whole parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Params)


def read_params(path: Path, section: type[SectionType]) -> SectionType:
    """Read a YAML file and check it against a section.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if not isinstance(values, Mapping):
            raise ValueError("the file is not a mapping of keys to values")
        return _validate(section, values)
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error
    except YAMLError as error:
        raise GrvaeError(f"{path}: not valid YAML ({error})") from error
    except (ValueError, RecursionError) as error:
        raise GrvaeError(f"{path}: {error}") from error


def _validate(section: type[SectionType], values: Any, prefix: str = "") -> SectionType:
    """Check values against a section; the first complaint becomes one readable line."""
    try:
        return section.model_validate(values)
    except ValidationError as error:
        raise ValueError(_one_line(error, prefix)) from error


def _one_line(error: ValidationError, prefix: str) -> str:
    first = error.errors(include_url=False)[0]
    key = prefix + ".".join(str(part) for part in first["loc"] if part != "[key]")
    match first["type"]:
        case "value_error":
            return ".".join(part for part in (key.rstrip("."), str(first["ctx"]["error"])) if part)
        case "missing":
            return f"{key}: missing"
        case "extra_forbidden":
            return f"{key}: unknown key"
    _, _, allowed = first["msg"].partition(" should ")
    return f"{key}: got {first['input']!r}, should {allowed}"


def _reject_duplicates(key: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{key}: got {value!r} twice, each may stand once")
        seen.add(value)
