import subprocess

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from grvae.base.errors import GrvaeError
from grvae.base.storage import load_json, save_json
from studies.claims.registration import CLAIMS as STUDY
from studies.claims.registration import (
    DEVIATIONS,
    REGISTERED,
    REGISTRATION,
    Deviation,
    changed_files,
    content_hash,
    load_deviations,
    register,
    unexplained,
)


def deviation(file):
    """A reason for a file as it is now."""
    known = {"date": "2026-01-01", "reason": "a typing error"}
    return Deviation(file=file, sha256=content_hash(STUDY / file), **known)


def explain(study, *deviations):
    rows = [row.model_dump() for row in deviations]
    YAML().dump({"deviations": rows}, study / DEVIATIONS)


def git(*arguments):
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return result.stdout


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A committed study of files that say nothing, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in REGISTERED[STUDY]:
        path = STUDY / name
        if name == "variants":
            path.mkdir()
            (path / "gated.json").write_text("gated")
            (path / "hard.json").write_text("hard")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "plan")
    return tmp_path / STUDY


@pytest.fixture
def registration(study):
    hashes = {name: content_hash(study / name) for name in REGISTERED[STUDY]}
    save_json(study / REGISTRATION, {"sha256": hashes})
    return hashes


def fails_with(result, line):
    assert result.exit_code == 1
    assert result.output.splitlines() == [f"Error: {line}"]


def test_nothing_has_changed_at_first(registration, study):
    assert changed_files(study) == []


@pytest.mark.parametrize("name", [name for name in REGISTERED[STUDY] if name != "variants"])
def test_changed_file_is_named(registration, study, name):
    with (study / name).open("a") as file:
        file.write(" ")
    assert changed_files(study) == [name]


@pytest.mark.parametrize("variant", ["gated", "hard"])
def test_changed_variant_changes_the_folder(registration, study, variant):
    (study / "variants" / f"{variant}.json").write_text("other")
    assert changed_files(study) == ["variants"]


def test_new_and_missing_variants_change_the_folder(registration, study):
    (study / "variants" / "new.json").write_text("new")
    assert changed_files(study) == ["variants"]
    (study / "variants" / "new.json").unlink()
    (study / "variants" / "gated.json").unlink()
    assert changed_files(study) == ["variants"]


def test_hash_of_a_folder_does_not_depend_on_the_order_of_its_making(tmp_path):
    for folder, names in (("one", "ab"), ("other", "ba")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_text(name)
    assert content_hash(tmp_path / "one") == content_hash(tmp_path / "other")


def test_unexplained_is_what_changed_without_a_reason(registration, study):
    for name in ("plan.yaml", "measure.py"):
        (study / name).write_text("other")
    explain(study, deviation("measure.py"), deviation("reader.py"))
    assert unexplained(study) == ["plan.yaml"]
    explain(study)
    assert sorted(unexplained(study)) == ["measure.py", "plan.yaml"]


def test_reason_is_for_one_state_of_a_file(registration, study):
    (study / "measure.py").write_text("other")
    explain(study, deviation("measure.py"))
    (study / "measure.py").write_text("another")
    assert unexplained(study) == ["measure.py"]


def test_missing_file_has_changed(registration, study):
    (study / "measure.py").unlink()
    assert changed_files(study) == ["measure.py"]


@pytest.mark.parametrize("files", [[], ["measure.py"]])
def test_deviations_are_read(study, files):
    explain(study, *map(deviation, files))
    assert [read.file for read in load_deviations(study)] == files


def test_deviation_without_a_reason_is_one_line(study):
    row = deviation("measure.py").model_dump(exclude={"reason"})
    YAML().dump({"deviations": [row]}, study / DEVIATIONS)
    with pytest.raises(GrvaeError, match=r"deviations.yaml: deviations.0.reason: missing$"):
        load_deviations(study)


def test_registration_is_of_the_commit_and_of_every_file(study):
    result = CliRunner().invoke(register, [str(STUDY)])
    assert result.exit_code == 0, result.output
    written = load_json(STUDY / REGISTRATION)
    hashes = {name: content_hash(study / name) for name in REGISTERED[STUDY]}
    assert written["sha256"] == hashes
    commit, date = git("log", "-1", "--format=%H %cI").split()
    assert (written["commit"], written["date"]) == (commit, date)
    assert changed_files(study) == []


def test_second_registration_is_refused_and_the_first_one_stays(study):
    save_json(STUDY / REGISTRATION, {"commit": "the first"})
    fails_with(
        CliRunner().invoke(register, [str(STUDY)]),
        f"{STUDY / REGISTRATION}: exists; what is registered stays",
    )
    assert load_json(STUDY / REGISTRATION) == {"commit": "the first"}


@pytest.mark.parametrize("file", ["plan.yaml", "variants/new.json"])
@pytest.mark.parametrize("is_staged", [False, True])
def test_registration_of_what_is_not_committed_is_refused(study, file, is_staged):
    (study / file).write_text("other")
    if is_staged:
        git("add", "--all")
    fails_with(
        CliRunner().invoke(register, [str(STUDY)]), "commit first: a registration is of a commit"
    )
    assert not (STUDY / REGISTRATION).exists()
