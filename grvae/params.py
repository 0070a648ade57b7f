"""Typed, frozen, validated view of `params.yaml`; the only module that opens a parameter file.

There are no defaults in code: a missing key is an error, so the file tells the whole truth.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from grvae.base.errors import GrvaeError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percentile = Annotated[float, Field(ge=0, le=100)]
Rate = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
ProbeImages = Annotated[int, Field(ge=100)]  # fewer may lack a digit
LatentAct = Literal["relu", "none", "softplus", "abs"]
Network = Literal["mlp", "conv_encoder"]
HiddenAct = Literal["relu", "silu"]
Posterior = Literal["gaussian", "as_published"]
# A published set, or a folder below images/.
DatasetName = Annotated[str, Field(pattern=r"^\w[\w.-]*$", max_length=100)]
Size = Annotated[int, Field(ge=1, le=65536)]
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
        return validate(type(self), {**self.model_dump(), **changes}, prefix)

    def written(self) -> dict[str, Any]:
        """The values as a file has them: without an option that is left at its default."""
        return self.model_dump(exclude_defaults=True)


SectionType = TypeVar("SectionType", bound=Section)


class Recipe(Section):
    """How one model is built and trained; `params.yaml` explains each value."""

    validation_fraction: Annotated[float, Field(ge=0, le=0.5)]

    routing: Literal["label", "parameters", "none"]
    off_route_gradient: Annotated[float, Field(ge=0, lt=1)]
    floor: Annotated[float, Field(ge=-100, le=100)] | None
    ceiling: Annotated[float, Field(ge=-100, le=100)] | None
    blocked_gradient_scale: Annotated[float, Field(ge=-100, le=1)]
    amplified_gradient_scale: Annotated[float, Field(ge=1, le=1000)] = 1.0
    doubt_margin: Annotated[float, Field(gt=0, le=100)] | None = None
    relabel_margin: Annotated[float, Field(gt=0, le=100)] | None = None
    relabel_from: Fraction = 0.0
    unmask_schedule: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None
    routed_images: Annotated[float, Field(gt=0, le=1)]
    wrong_labels: Fraction
    latents_per_class: Annotated[int, Field(ge=1, le=1024)]

    network: Network
    hidden_sizes: Annotated[list[Size], Field(min_length=1)]
    decoder_sizes: Annotated[list[Size], Field(min_length=1)] | None
    hidden_act: HiddenAct
    bottleneck: bool
    posterior: Posterior
    initial_log_variance: Annotated[float, Field(ge=-20, le=20)] | None

    reconstruction: Literal["squared_error", "binary_cross_entropy"]
    reconstruction_weight: Positive
    kl_weight: NonNegative
    final_kl_weight: NonNegative
    prior_mean: Annotated[float, Field(ge=-100, le=100)]
    prior_dead_zone: Annotated[float, Field(ge=0, le=100)]
    prior_ramp: Annotated[list[Fraction], Field(min_length=2, max_length=2)]
    class_prior_mean: Annotated[float, Field(ge=-100, le=100)] | None
    cross_entropy_weight: NonNegative
    hinge_weight: NonNegative = 0.0
    noise: Annotated[float, Field(ge=0, le=100)]

    learning_rate: Rate
    learning_rate_schedule: Literal["one_cycle", "exponential"]
    adam_beta2: Annotated[float, Field(gt=0, lt=1)]
    weight_decay: Fraction
    max_shift: Annotated[int, Field(ge=0, le=27)]
    batch_size: Count
    epoch_steps: Count
    epochs: Annotated[int, Field(ge=1, le=10_000)]
    decoder_epochs: Annotated[int, Field(ge=0, le=10_000)]
    decoder_learning_rate: Rate

    @property
    def kind(self) -> Literal["none", "mask", "reversing gate", "loss", "prior"]:
        """What it does to tell the latents which class is theirs."""
        if self.routing != "none":
            return "reversing gate" if self.blocked_gradient_scale < 0 else "mask"
        if self.cross_entropy_weight or self.hinge_weight:
            return "loss"
        return "none" if self.class_prior_mean is None else "prior"

    @model_validator(mode="after")
    def _check_network(self) -> Self:
        if self.network != "mlp" and len(self.hidden_sizes) != CONV_HIDDEN_LAYERS:
            raise ValueError(
                f"hidden_sizes: got {len(self.hidden_sizes)} values, a {self.network} network has "
                f"{CONV_HIDDEN_LAYERS}"
            )
        return self

    @model_validator(mode="after")
    def _check_hinge(self) -> Self:
        if self.hinge_weight and None in (self.floor, self.ceiling):
            raise ValueError("hinge_weight: it takes a floor and a ceiling")
        return self

    @model_validator(mode="after")
    def _check_ramps(self) -> Self:
        for key, ramp in (
            ("prior_ramp", self.prior_ramp),
            ("unmask_schedule", self.unmask_schedule),
        ):
            if ramp is not None and ramp[0] >= ramp[1]:
                raise ValueError(f"{key}: got {ramp[0]} to {ramp[1]}, should rise")
        return self


class Evaluation(Section):
    """How a trained model is measured; `params.yaml` explains each value."""

    slider_percentiles: Annotated[list[Percentile], Field(min_length=2, max_length=2)]
    probe_images: ProbeImages | None
    probe_iterations: Count
    probe_tolerance: Positive


class Variant(Section):
    """One way to build and train a model: the common values with a variant's overrides.

    Attributes:
        dataset: what is learned.
        latent_act: applied to the sampled latents before the decoder.
        recipe: everything else.
    """

    dataset: DatasetName
    latent_act: LatentAct
    recipe: Recipe

    def override(self, changes: Mapping[str, Any], prefix: str) -> "Variant":
        """The same with some values replaced, those of the recipe named without their group.

        Raises:
            ValueError: a key or value is not allowed; names it after `prefix`.
        """
        own = {key: value for key, value in changes.items() if key in ("dataset", "latent_act")}
        recipe = {key: value for key, value in changes.items() if key not in own}
        return self.merged(
            {**own, "recipe": self.recipe.merged(recipe, prefix).model_dump()}, prefix
        )


class Params(Section):
    """The whole of `params.yaml`.

    Attributes:
        image_side: pixels of an image's side; all images are brought to it.
        image_colours: what all images get.
        image_transposed: rows and columns of one's own IDX files are exchanged, as EMNIST's are.
    """

    dataset: DatasetName
    image_side: Annotated[int, Field(ge=16, le=64, multiple_of=4)] = 28
    image_colours: Literal["grey", "rgb"] = "grey"
    image_transposed: bool = False
    latent_act: LatentAct
    variants: Annotated[list[Name], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=2)]
    recipe: Recipe
    evaluation: Evaluation
    overrides: dict[Name, dict[str, Any]]

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        reject_duplicates("variants", self.variants)
        reject_duplicates("seeds", self.seeds)
        for name in self.variants:
            if name not in self.overrides:
                allowed = ", ".join(self.overrides)
                raise ValueError(f"variants: got {name!r}, allowed: {allowed}")
        for name in self.overrides:
            dataset = self.variant(name).dataset
            if name in self.variants and dataset != self.dataset:
                raise ValueError(
                    f"overrides.{name}.dataset: got {dataset!r}, should be {self.dataset!r}: all "
                    "variants of a pipeline learn the same images"
                )
        return self

    def resolve(self) -> dict[str, Variant]:
        """Every variant that is asked for, in full, by name."""
        return {name: self.variant(name) for name in self.variants}

    @property
    def common(self) -> Variant:
        """What a variant is that overrides nothing."""
        return Variant(dataset=self.dataset, latent_act=self.latent_act, recipe=self.recipe)

    def variant(
        self, name: str | None, changes: Mapping[str, Any] = MappingProxyType({}), prefix: str = ""
    ) -> Variant:
        """A variant by name, with further changes.

        Args:
            name: None is the one that overrides nothing.
            changes: see `Variant.override`.
            prefix: names the changes' place in an error.

        Raises:
            ValueError: a key or value is not allowed.
        """
        if name is not None and name not in self.overrides:
            raise ValueError(f"got the variant {name!r}, allowed: {', '.join(self.overrides)}")
        own = {} if name is None else self.overrides[name]
        return self.common.override(own, f"overrides.{name}.").override(changes, prefix)


def load_params(path: Path) -> Params:
    """Read and check the whole parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Params)


def load_variant(path: Path) -> Variant:
    """Read what the stage `resolve` wrote of one variant; YAML reads JSON.

    Raises:
        GrvaeError: see `load_params`.
    """
    return read_params(path, Variant)


def read_params(path: Path, section: type[SectionType]) -> SectionType:
    """Read a YAML file and check it against a section.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        if not isinstance(values, Mapping):
            raise ValueError("the file is not a mapping of keys to values")
        return validate(section, values)
    except OSError as error:
        raise GrvaeError(f"cannot read {path}: {error.strerror}") from error
    except YAMLError as error:
        raise GrvaeError(f"{path}: not valid YAML ({error})") from error
    except (ValueError, RecursionError) as error:
        raise GrvaeError(f"{path}: {error}") from error


def validate(section: type[SectionType], values: Any, prefix: str = "") -> SectionType:
    """Check values against a section; the first complaint becomes one readable line.

    Raises:
        ValueError: names the key, after `prefix`, what was given and what is allowed.
    """
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


def reject_duplicates(key: str, values: Sequence[object]) -> None:
    """Refuse a list in which something stands twice.

    Raises:
        ValueError: names the key and the value.
    """
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{key}: got {value!r} twice, each may stand once")
