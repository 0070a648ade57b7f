"""The real graph under the real DVC, small, in a repository of its own."""

import json

import pytest
from ruamel.yaml import YAML

from tests.project import ran


def lock_of(project):
    """DVC's lock, to the byte."""
    return (project.folder / "dvc.lock").read_bytes()


RUN_FILES = {"history.csv", "measures.json", "samples.safetensors", "weights.safetensors"}


def test_every_run_leaves_its_files(project):
    for variant in ("routed", "baseline"):
        for seed in ("0", "1"):
            assert {
                path.name for path in (project.folder / "runs" / variant / seed).iterdir()
            } == RUN_FILES


def test_metrics_are_of_both_variants_and_their_difference(project):
    metrics = project.metrics()
    assert 0 <= metrics["routed"]["argmax_accuracy"]["mean"] <= 1
    assert metrics["routed"]["squared_error_per_image"]["mean"] > 0
    assert "routed_minus_baseline" in metrics


def test_second_repro_runs_nothing(project):
    assert ran(project.run("dvc", "repro")) == []


def test_forced_repro_gives_the_same_bytes(project):
    project.run("dvc", "repro", "--force", "--single-item", "train@routed-0")
    assert project.run("git", "status", "--porcelain") == ""


def test_fresh_clone_has_nothing_to_run(project, tmp_path):
    project.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    dry = project.run("dvc", "--cd", str(tmp_path / "clone"), "repro", "--dry", "--allow-missing")
    assert ran(dry) == []


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
    before = lock_of(project)
    project.set(seeds=[0, 1, 7])
    stages = ran(project.repro(*targets))
    trained = [stage for stage in stages if stage.startswith("train")]
    assert sorted(trained) == ["train@baseline-7", "train@routed-7"]
    assert project.metrics()["seeds"] == 3
    assert lock_of(project) != before
    project.set(seeds=[0, 1])
    project.repro(*targets)
    assert project.metrics()["seeds"] == 2
    assert not list((project.folder / "runs").glob("*/7"))
    assert lock_of(project) == before
    project.run("git", "checkout", "--", ".")
    assert ran(project.run("dvc", "repro")) == []


@pytest.mark.parametrize(
    ("change", "retrained"),
    [
        ("latent_act=none", {"routed", "baseline"}),
        ("recipe.kl_weight=0.5", {"routed", "baseline"}),
        ("recipe.final_kl_weight=0.5", {"baseline"}),  # `routed` has one of its own
        ("overrides.routed.floor=2", {"routed"}),
        ("overrides.hard.noise=0.5", set()),  # nobody asks for it
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
    project.run("dvc", "repro", "resolve")
    stale = json.loads(project.run("dvc", "status", "--json"))
    trained = {row for row in stale if row.startswith("train@")}
    assert trained == {f"train@{variant}-{seed}" for variant in retrained for seed in (0, 1)}
    project.run("git", "checkout", "--", ".")


def test_variant_that_is_asked_for_trains_only_itself(project):
    project.set(variants=["routed", "baseline", "hard"])
    stages = ran(project.repro("train"))
    trained = [stage for stage in stages if stage.startswith("train")]
    assert sorted(trained) == ["train@hard-0", "train@hard-1"]
    project.run("git", "checkout", "--", ".")
