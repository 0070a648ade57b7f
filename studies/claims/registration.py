"""What was fixed before the test split was read, and what has changed since.

`registration.json` names the commit that fixed variants, plan, measures and rules, with the SHA-256
of each file. A file that differs now has its reason in `deviations.yaml`, or the tests fail.
A reason is for one state of a file, by its SHA-256: the next change needs the next one.

`python -m studies.claims.registration STUDY` writes the first one, once, from a clean checkout.
"""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import click

from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError
from grvae.base.storage import load_json, save_json
from grvae.params import Section, read_params

CLAIMS, LONGER = Path("studies/claims"), Path("studies/longer")
MEASURES = ("measure.py", "interventions.py", "slider_fidelity.py", "reader.py", "verdicts.py")
# By study, what is registered of it: paths from its folder.
REGISTERED = {
    CLAIMS: ("params.yaml", "plan.yaml", "plan.py", *MEASURES, "variants"),
    LONGER: (
        "params.yaml",
        "plan.yaml",
        "halves.py",
        "train.py",
        "variants.json",
        *(f"../claims/{name}" for name in ("plan.py", *MEASURES)),
    ),
}
REGISTRATION, DEVIATIONS = "registration.json", "deviations.yaml"


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, or of all files of a folder, in the order of their names.

    What is missing has the hash of nothing.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def load_registration(study: Path) -> dict[str, Any]:
    """What was registered of a study."""
    registration: dict[str, Any] = load_json(study / REGISTRATION)
    return registration


def changed_files(study: Path) -> list[str]:
    """The registered files that differ now."""
    known = load_registration(study)["sha256"]
    return [name for name, sha256 in known.items() if content_hash(study / name) != sha256]


class Deviation(Section):
    """A change of a registered file.

    Attributes:
        file: which one.
        date: when it changed.
        reason: why.
        sha256: of what it changed to.
    """

    file: str
    date: str
    reason: str
    sha256: str


class Deviations(Section):
    """The whole of `deviations.yaml`."""

    deviations: list[Deviation]


def load_deviations(study: Path) -> list[Deviation]:
    """What changed since, when and why.

    Raises:
        GrvaeError: naming the file, the key, what was given and what is allowed.
    """
    return read_params(study / DEVIATIONS, Deviations).deviations


def unexplained(study: Path) -> list[str]:
    """The changed files whose present state has no reason."""
    explained = {(deviation.file, deviation.sha256) for deviation in load_deviations(study)}
    return [
        name for name in changed_files(study) if (name, content_hash(study / name)) not in explained
    ]


@click.command(cls=StageCommand)
@click.argument("study", type=click.Choice([str(study) for study in REGISTERED]))
def register(study: str) -> None:
    """Note the present commit and the hashes of what it fixes."""
    folder = Path(study)
    out = folder / REGISTRATION
    if out.exists():
        raise GrvaeError(f"{out}: exists; what is registered stays")
    if subprocess.run(["git", "status", "--porcelain"], check=True, capture_output=True).stdout:
        raise GrvaeError("commit first: a registration is of a commit")
    commit = subprocess.run(
        ["git", "log", "-1", "--format=%H %cI"], check=True, capture_output=True, text=True
    )
    name, date = commit.stdout.split()
    hashes = {file: content_hash(folder / file) for file in REGISTERED[folder]}
    save_json(out, {"commit": name, "date": date, "sha256": hashes})
    click.echo(f"{out}: commit {name}, {len(hashes)} files")


if __name__ == "__main__":
    register()
