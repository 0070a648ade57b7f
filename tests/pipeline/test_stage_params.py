"""A stage's `params` in `dvc.yaml` are the parameters that it reads, and no others."""

import importlib
import re
import shutil
from itertools import product

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.params import Evaluation, Params, Recipe, Section, SmallData
from tests.conftest import PROJECT, write_small_params

STAGES = YAML(typ="safe").load(PROJECT / "dvc.yaml")["stages"]
VARIANTS, SEEDS = ("routed", "baseline"), (0, 1)
# What the dataset decides, too.
SIZED = {"batch_size", "epochs", "decoder_epochs"}
PREFIXES = {Recipe: "recipe.", Evaluation: "evaluation."}


class Recorder:
    """Notes which parameters are read once a file is loaded, however they are read."""

    def __init__(self, patch):
        self.read, self.is_on = set(), False
        get, dump, variant = Section.__getattribute__, Section.model_dump, Params.variant

        def noting_get(section, name):
            value = get(section, name)
            if self.is_on and name in type(section).model_fields:
                self.note(section, name, value)
            return value

        def noting_dump(section, **options):
            for name in type(section).model_fields if self.is_on else ():
                self.note(section, name, value := get(section, name))
                if isinstance(value, Section):
                    noting_dump(value)
            return self.unseen(dump, section, **options)

        def noting_variant(params, name):
            if self.is_on:
                self.read.add(f"overrides.{name}")
            return self.unseen(variant, params, name)

        patch.setattr(Section, "__getattribute__", noting_get)
        patch.setattr(Section, "model_dump", noting_dump)
        patch.setattr(Params, "variant", noting_variant)

    def note(self, section, name, value):
        """A group is read by what is read of it; one that stands in a table is the table's."""
        if isinstance(section, Recipe) and name in SIZED:
            self.read |= {"dataset", "small_data"}
        if not isinstance(value, Section) and not isinstance(section, SmallData):
            self.read.add(PREFIXES.get(type(section), "") + name)

    def unseen(self, function, *arguments, **options):
        """Call a function whose own reading does not count."""
        was_on, self.is_on = self.is_on, False
        try:
            return function(*arguments, **options)
        finally:
            self.is_on = was_on

    def watch(self, load):
        """Load a file, and note from then on."""

        def load_and_watch(path):
            params = self.unseen(load, path)
            self.is_on = True
            return params

        return load_and_watch


def filled(text, variant, seed):
    """A text of the graph for one case of its matrix."""
    values = {"item.variant": variant, "variants[0]": VARIANTS[0]}
    values |= {"item.seed": seed, "seeds[0]": SEEDS[0]}
    return re.sub(r"\$\{(.+?)\}", lambda found: str(values[found[1]]), text)


def run(name, variant, seed):
    """Run a stage by the command of the graph; returns the parameters that it read."""
    module = importlib.import_module(f"stages.{name}")
    words = filled(STAGES[name]["cmd"], variant, seed).split()
    assert words[:3] == ["python", "-m", f"stages.{name}"]
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        if hasattr(module, "load_params"):
            patch.setattr(module, "load_params", recorder.watch(module.load_params))
        result = CliRunner().invoke(getattr(module, name), words[3:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return recorder.read


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """By stage, what it read in its first case, after all stages before it."""
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "reports").mkdir()
    for name in ("published.json", "template.md", "results_template.md"):
        shutil.copy(PROJECT / "reports" / name, folder / "reports")
    shutil.copytree(PROJECT / "grvae" / "demo", folder / "grvae" / "demo")
    write_small_params(folder / "params.yaml", variants=list(VARIANTS), seeds=list(SEEDS))
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, stage in STAGES.items():
            matrix = stage.get("matrix", {})
            variants = VARIANTS if "variant" in matrix else VARIANTS[:1]
            seeds = SEEDS if "seed" in matrix else SEEDS[:1]
            for variant, seed in product(variants, seeds):
                found.setdefault(name, run(name, variant, seed))
    return found


def is_below(key, group):
    return f"{key}.".startswith(f"{group}.")


@pytest.mark.parametrize("name", STAGES)
def test_stage_declares_every_parameter_that_it_reads_and_reads_every_one_that_it_declares(
    read, name
):
    declared = {filled(key, VARIANTS[0], SEEDS[0]) for key in STAGES[name].get("params", ())}
    hidden = {key for key in read[name] if not any(is_below(key, group) for group in declared)}
    unused = {group for group in declared if not any(is_below(key, group) for key in read[name])}
    assert (hidden, unused) == (set(), set())


def test_recorder_sees_a_value_and_a_whole_group_but_not_the_reading_of_a_variant(params):
    epochs = params.overrides["routed"]["epochs"]
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(patch)
        recorder.is_on = True
        recipe = params.variant("routed").recipe
        assert recorder.read == {"overrides.routed"}
        assert recipe.epochs == epochs
        read = {"overrides.routed", "recipe.epochs", "dataset", "small_data"}
        assert recorder.read == read
        params.evaluation.model_dump()
        expected = {f"evaluation.{name}" for name in Evaluation.model_fields}
        assert recorder.read == expected | read
