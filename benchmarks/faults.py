"""Kill `dvc repro` with SIGKILL at random moments in all stages; the next one must mend it all.

After every kill a plain `dvc repro` runs to its end, and everything that DVC or git tracks must be
what it was before. Half of the kills hit DVC and its command together, as a power cut would; the
other half hit the command alone, as a lack of memory would.
"""

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import click
import psutil
from ruamel.yaml import YAML

from grvae.storage import save_json
from stages.command import PATH, StageCommand
from tests.project import ENVIRONMENT, Project
from tools.mend_dvc import mend


@click.command(cls=StageCommand)
@click.option("--kills", type=click.IntRange(min=1), default=50)
@click.option("--seed", type=int, default=0)
@click.option("--out", type=PATH, required=True)
def faults(kills: int, seed: int, out: Path) -> None:
    """Kill `dvc repro` at random moments and check what the next one makes of it."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        project.run("dvc", "repro")
        project.commit()
        lock = project.folder / "dvc.lock"
        expected = lock.read_bytes()
        stages = list(YAML(typ="safe").load(expected)["stages"])
        results = {"kills": 0, "too_late": 0, "locks_mended": 0, "identical": 0}
        while results["kills"] < kills:
            stage, alone = chance.choice(stages), chance.random() < 0.5
            if not kill_in(project, stage, alone, delay=chance.uniform(0, 6)):
                results["too_late"] += 1
                continue
            results["locks_mended"] += mend(project.folder / ".dvc" / "tmp" / "rwlock")
            project.run("dvc", "repro")
            clean = project.run("git", "status", "--porcelain") == ""
            identical = clean and lock.read_bytes() == expected
            results["kills"] += 1
            results["identical"] += identical
            who = "the command" if alone else "all"
            click.echo(f"{results['kills']}: {who} of {stage}: {'same' if identical else 'OTHER'}")
    save_json(out, results)
    if results["identical"] < kills:
        raise SystemExit(1)


def kill_in(project: Project, stage: str, alone: bool, delay: float) -> bool:
    """Run one stage anew and kill it after some seconds; False where it had ended before."""
    process = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", stage],
        cwd=project.folder,
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(delay)
    children = psutil.Process(process.pid).children(recursive=True)
    if process.poll() is not None or (alone and not children):
        process.wait()
        return False
    if alone:
        for child in children:
            child.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return True


if __name__ == "__main__":
    faults()
