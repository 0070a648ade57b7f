"""The real graph under the real DVC, small, in a repository of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import PROJECT, write_small_params

RUN_FILES = {"history.csv", "measures.json", "samples.safetensors", "weights.safetensors"}


class Project:
    """A copy of the tracked files in a fresh git repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in tracked.stdout.splitlines():
            if (source := PROJECT / name).is_file() and not name.startswith(".dvc/tmp"):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        (folder / "dvc.lock").unlink(missing_ok=True)
        write_small_params(folder / "params.yaml")
        self.run("git", "init", "--quiet")
        self.commit()

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end; returns what it printed."""
        result = subprocess.run(command, cwd=self.folder, env=ENVIRONMENT, **CAPTURED)
        assert result.returncode == code, result.stdout
        return result.stdout

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "test")

    def set(self, **changes: object) -> None:
        """Change top-level parameters."""
        yaml = YAML()
        values = yaml.load(self.folder / "params.yaml")
        yaml.dump(values | changes, self.folder / "params.yaml")

    def metrics(self) -> dict:
        return json.loads((self.folder / "reports" / "metrics.json").read_text())


CAPTURED = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 600}
ENVIRONMENT = os.environ | {
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "DVC_NO_ANALYTICS": "1",
}


def ran(output: str) -> list[str]:
    """The stages that DVC says it ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


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
    assert ran(project.run("dvc", "repro")) == []


def test_new_seed_trains_only_itself(project):
    project.set(seeds=[0, 1, 7])
    trained = [stage for stage in ran(project.run("dvc", "repro")) if stage.startswith("train")]
    assert sorted(trained) == ["train@baseline-7", "train@routed-7"]
    assert project.metrics()["seeds"] == 3
    project.run("git", "checkout", "--", ".")
    project.run("dvc", "repro")
    assert project.metrics()["seeds"] == 2


def test_changed_variant_retrains_only_itself(project):
    overrides = YAML(typ="safe").load(project.folder / "params.yaml")["overrides"]
    project.set(overrides=overrides | {"baseline": {"routing": "none", "kl_weight": 0.5}})
    trained = [stage for stage in ran(project.run("dvc", "repro")) if stage.startswith("train")]
    assert sorted(trained) == ["train@baseline-0", "train@baseline-1"]
    project.run("git", "checkout", "--", ".")


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
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    project.run("dvc", "repro")
    assert (project.folder / "dvc.lock").read_bytes() == expected
    assert project.run("git", "status", "--porcelain") == ""
