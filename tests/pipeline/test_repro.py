"""The real graph under the real DVC, small, in a repository of its own."""

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.use.cli import main
from tests.project import Repository, ran

RUN_FILES = {"history.csv", "measures.json", "samples.safetensors", "weights.safetensors"}


def trained(stages):
    """The rows of `train` among stages, as VARIANT-SEED."""
    return {name.removeprefix("train@") for name in stages if name.startswith("train@")}


def test_first_run_leaves_files_of_every_run_and_metrics_of_both_variants(project):
    for variant in ("routed", "baseline"):
        for seed in ("0", "1"):
            folder = project.folder / "runs" / variant / seed
            assert {path.name for path in folder.iterdir()} == RUN_FILES
    metrics = project.metrics()
    assert 0 <= metrics["routed"]["argmax_accuracy"]["mean"] <= 1
    assert metrics["routed"]["squared_error_per_image"]["mean"] > 0
    assert "routed_minus_baseline" in metrics


def test_second_repro_runs_nothing_nor_does_the_first_of_a_clone(project, tmp_path):
    """Nor do temporary files matter that a kill has left."""
    for folder in ("runs/routed/0", "reports", "data"):
        project.write(f"{folder}/.weights.safetensors.123.tmp", "")
    with project.dvc() as repo:
        assert repo.reproduce() == []
    assert project.run("git", "status", "--porcelain") == ""
    project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    with Repository(tmp_path / "clone").dvc() as repo:
        assert repo.reproduce(dry=True, allow_missing=True) == []


def test_forced_repro_gives_the_same_bytes(project):
    with project.dvc() as repo:
        repo.reproduce("train@routed-0", force=True, single_item=True)
    assert project.run("git", "status", "--porcelain") == ""


def test_bad_parameter_stops_before_any_work_with_one_line(project):
    project.set(surprise=1, latent_act="abs")
    with project.inside():
        result = CliRunner().invoke(main, ["repro"])
    assert result.exit_code == 1
    [line] = result.output.splitlines()
    assert "surprise: unknown key" in line
    project.run("git", "checkout", "--", ".")
    assert project.run("git", "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize("command", ["status", "checkout", "diff", "metrics show"])
def test_command_on_the_whole_project_says_nothing_of_results_that_nobody_has(project, command):
    output = project.run("dvc", *command.split())
    assert "claims" not in output
    assert "ERROR" not in output


@pytest.mark.slow
def test_what_if_is_answered_by_metrics_diff(project):
    project.run("dvc", "exp", "run", "-S", "latent_act=none")
    difference = project.run("dvc", "metrics", "diff")
    assert "routed.error" in difference
    assert "relu" in project.run("dvc", "params", "diff")
    [name] = project.run("dvc", "exp", "list", "--name-only").split()
    assert "ERROR" not in project.run("dvc", "exp", "apply", name)
    project.run("git", "checkout", "--", ".")
    restored = ran(project.run("dvc", "repro"))
    assert not [stage for stage in restored if stage.startswith(("train", "evaluate"))]


# What follows the summary (figures, report, page, ONNX) takes most of the time.
@pytest.mark.parametrize(
    "targets",
    [["summarise"], pytest.param([], marks=pytest.mark.slow)],
    ids=["up_to_the_summary", "all"],
)
def test_new_seed_trains_only_itself_and_leaves_no_trace(project, targets):
    before = project.read("dvc.lock")
    project.set(seeds=[0, 1, 7])
    assert trained(project.repro(*targets)) == {"baseline-7", "routed-7"}
    assert project.metrics()["seeds"] == 3
    assert project.read("dvc.lock") != before
    project.set(seeds=[0, 1])
    project.repro(*targets)
    assert project.metrics()["seeds"] == 2
    assert not list((project.folder / "runs").glob("*/7"))
    assert project.read("dvc.lock") == before
    project.run("git", "checkout", "--", ".")
    assert project.stale() == []


@pytest.mark.parametrize(
    ("change", "retrained"),
    [
        ("latent_act=none", {"routed", "baseline"}),
        ("recipe.final_kl_weight=0.5", {"baseline"}),  # `routed` has one of its own
        ("overrides.routed.floor=2", {"routed"}),
        ("overrides.hard.noise=0.5", set()),  # nobody asks for it
        ("variants=[baseline, routed, hard]", {"hard"}),
    ],
)
def test_what_if_makes_stale_exactly_the_runs_that_it_touches(project, change, retrained):
    key, _, text = change.partition("=")
    *groups, name = key.split(".")
    yaml = YAML()
    values = group = yaml.load(project.folder / "params.yaml")
    for part in groups:
        group = group[part]
    group[name] = yaml.load(text)
    yaml.dump(values, project.folder / "params.yaml")
    project.repro("resolve")
    stale = trained(project.stale())
    assert stale == {f"{variant}-{seed}" for variant in retrained for seed in (0, 1)}
    project.run("git", "checkout", "--", ".")
