"""What was fixed before a part's runs were trained, and what has changed since.

Of each part the rules are hashed: quantity, margin, control, whether it is primary, and the recipes
and seeds of its runs. Words are not. `registration.json` lists when which rules were registered, by
commit; nothing in it is ever changed. A part that is registered again, by other rules, has its
reason in `deviations.yaml`, or the tests fail.

`python -m studies.registration`, in a clean checkout, registers what is new or has changed.
"""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import click

from grvae.base.command import StageCommand
from grvae.base.errors import GrvaeError
from grvae.base.storage import load_json, save_json
from grvae.params import Name, Section, read_params
from studies.plan import Plan
from studies.runs import Study

FOLDER = Path(__file__).parent
REGISTRATION = "registration.json"


class Deviation(Section):
    """A departure from what was registered.

    Attributes:
        date: when.
        parts: those that were registered again because of it.
        what: what was changed, and why.
    """

    date: str
    parts: list[Name]
    what: str


class Deviations(Section):
    """The whole of `deviations.yaml`."""

    deviations: list[Deviation]


def rule_hashes(plan: Plan, study: Study) -> dict[str, str]:
    """SHA-256 of each part's rules."""
    hashes = {}
    for name, part in plan.parts.items():
        variants = {*part.variants, *part.control.variants}
        runs = {variant: study.runs[variant].model_dump() for variant in variants}
        rules = {**part.model_dump(exclude={"says"}), "alpha": plan.alpha, "runs": runs}
        hashes[name] = hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()
    return hashes


def registered(entries: list[dict[str, Any]]) -> dict[str, str]:
    """The hash under which each part was registered last."""
    return {name: sha256 for entry in entries for name, sha256 in entry["sha256"].items()}


@click.command(cls=StageCommand, help=__doc__)
def register() -> None:
    """Note the present commit and the hashes of what is new or has changed."""
    plan = read_params(FOLDER / "plan.yaml", Plan)
    hashes = rule_hashes(plan, read_params(FOLDER / "params.yaml", Study))
    out = FOLDER / REGISTRATION
    entries = load_json(out) if out.exists() else []
    known = registered(entries)
    new = {name: h for name, h in hashes.items() if known.get(name) != h}
    if not new:
        raise GrvaeError(f"{out}: every part is registered")
    if git("status", "--porcelain"):
        raise GrvaeError("commit first: a registration is of a commit")
    commit, date = git("log", "-1", "--format=%H %cI").split()
    save_json(out, [*entries, {"commit": commit, "date": date, "sha256": new}])
    click.echo(f"{out}: commit {commit}, {len(new)} parts")


def git(*arguments: str) -> str:
    """What git prints of the checkout that holds the study."""
    command = ["git", "-C", str(FOLDER), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    register()
