"""Typed view of the study's `params.yaml`: a recipe, and named settings that depart from it."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from grvae.base.errors import GrvaeError
from grvae.params import DatasetName, LatentActName, Name, Recipe, Section, read_params
from studies.claims.halves_params import SplitRecipe

Seeds = Annotated[int, Field(ge=2, le=1000)]


class Setting(Section):
    """One way to train, and how often.

    Attributes:
        dataset: what is learned.
        latent_act: applied to the sampled latents before the decoder.
        seeds: number of runs.
        recipe: values that differ from the study's recipe.
    """

    dataset: DatasetName
    latent_act: LatentActName
    seeds: Seeds
    recipe: dict[str, Any]


class SplitSetting(Section):
    """One way to train the split autoencoder, and how often.

    Attributes:
        seeds: number of runs.
        recipe: values that differ from the split's recipe.
    """

    seeds: Seeds
    recipe: dict[str, Any]


class Split(Section):
    """The part of the study with autoencoders that are split in two halves.

    Attributes:
        recipe: how they are trained where a setting does not say otherwise.
        settings: by name.
    """

    recipe: SplitRecipe
    settings: dict[Name, SplitSetting]

    def recipe_of(self, name: str) -> SplitRecipe:
        """The recipe of a setting in full."""
        return self.recipe.merged(self.settings[name].recipe, f"split.settings.{name}.recipe.")


class Study(Section):
    """The whole of the study's `params.yaml`.

    Attributes:
        first_seed: runs have this seed and those that follow; equal for all settings, so that any
            two of them are compared seed by seed.
        defaults: what a setting is where it does not say otherwise.
        recipe: how models are trained where a setting does not say otherwise.
        settings: by name, what differs from the defaults.
        other_data: the same, for settings on other images.
        split: the autoencoders that are split in two halves.
    """

    first_seed: Annotated[int, Field(ge=0, lt=2**31)]
    defaults: Setting
    recipe: Recipe
    settings: dict[Name, dict[str, Any]]
    other_data: dict[Name, dict[str, Any]]
    split: Split

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        for name in self.names:
            self.recipe_of(name)
        for name in self.split.settings:
            self.split.recipe_of(name)
        return self

    @property
    def names(self) -> list[str]:
        """The names of all settings."""
        return [*self.settings, *self.other_data]

    def setting(self, name: str) -> Setting:
        """A setting in full.

        Raises:
            GrvaeError: there is none of this name.
        """
        for group, settings in (("settings", self.settings), ("other_data", self.other_data)):
            if name in settings:
                return self.defaults.merged(settings[name], f"{group}.{name}.")
        raise GrvaeError(f"setting: got {name!r}, allowed: {', '.join(self.names)}")

    def recipe_of(self, name: str) -> Recipe:
        """The recipe of a setting in full."""
        return self.recipe.merged(self.setting(name).recipe, f"settings.{name}.recipe.")

    def seeds_of(self, name: str) -> range:
        """The seeds of a setting."""
        settings = self.split.settings
        count = settings[name].seeds if name in settings else self.setting(name).seeds
        return range(self.first_seed, self.first_seed + count)


def load_study(path: Path) -> Study:
    """Read and check the study's parameter file.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(path, Study)
