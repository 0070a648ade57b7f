"""The real graph under the real DVC, small, in a repository of its own."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from ruamel.yaml import YAML

from tests.project import ENVIRONMENT, Project, ran

RUN_FILES = {"history.csv", "measures.json", "samples.safetensors", "weights.safetensors"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project after its first full run, committed."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.run("dvc", "repro")
    project.commit()
    return project


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


def test_what_if_is_answered_by_metrics_diff(project):
    project.run("dvc", "exp", "run", "-S", "latent_act=none")
    difference = project.run("dvc", "metrics", "diff")
    assert "routed.argmax_accuracy.mean" in difference
    assert "relu" in project.run("dvc", "params", "diff")
    project.run("git", "checkout", "--", ".")
    restored = ran(project.run("dvc", "repro"))
    assert not [stage for stage in restored if stage.startswith(("train", "evaluate"))]


def test_new_seed_trains_only_itself(project):
    project.set(seeds=[0, 1, 7])
    trained = [stage for stage in ran(project.run("dvc", "repro")) if stage.startswith("train")]
    assert sorted(trained) == ["train@baseline-7", "train@routed-7"]
    assert project.metrics()["seeds"] == 3
    # Unlike `dvc exp run`, `dvc repro` leaves the runs of a dropped seed where they are.
    for run in (project.folder / "runs").glob("*/7"):
        shutil.rmtree(run)
    project.run("git", "checkout", "--", ".")
    project.run("dvc", "repro")
    assert project.metrics()["seeds"] == 2
    assert project.run("git", "status", "--porcelain") == ""


def test_changed_variant_retrains_only_itself(project):
    overrides = YAML(typ="safe").load(project.folder / "params.yaml")["overrides"]
    project.set(overrides=overrides | {"baseline": {"routing": "none", "kl_weight": 0.5}})
    trained = [stage for stage in ran(project.run("dvc", "repro")) if stage.startswith("train")]
    assert sorted(trained) == ["train@baseline-0", "train@baseline-1"]
    project.run("git", "checkout", "--", ".")
    project.run("dvc", "repro")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent_act": "tanh"}, "latent_act: got 'tanh'"),
        ({"seeds": [0, 1, -1]}, "seeds.2: got -1"),
        ({"surprise": 1, "latent_act": "abs"}, "surprise: unknown key"),
    ],
)
def test_bad_parameter_stops_before_any_work_with_one_line(project, change, message):
    project.set(**change)
    output = project.run("dvc", "repro", code=255)
    assert message in output
    assert "Traceback" not in output
    project.run("git", "checkout", "--", ".")
    assert ran(project.run("dvc", "repro")) == []


def test_run_killed_in_the_middle_is_finished_by_the_next_repro(project):
    expected = (project.folder / "dvc.lock").read_bytes()
    process = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", "train@routed-1"],
        cwd=project.folder, env=ENVIRONMENT, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    weights = project.folder / "runs" / "routed" / "1" / "weights.safetensors"
    deadline = time.monotonic() + 60
    while weights.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not weights.exists()
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    project.run("dvc", "repro")
    assert (project.folder / "dvc.lock").read_bytes() == expected
    assert project.run("git", "status", "--porcelain") == ""
