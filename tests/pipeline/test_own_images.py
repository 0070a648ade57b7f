"""Own images under the real DVC: what an edit of the folder makes stale."""

import pytest
from PIL import Image

from tests.project import ENVIRONMENT, Project, ran

TRAIN = "train@routed-0"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that has learned from images/mine once."""
    project = Project(tmp_path_factory.mktemp("own") / "project")
    project.set(dataset="mine")
    for label, name in enumerate(("circle", "square")):
        (project.folder / "images" / "mine" / name).mkdir(parents=True)
        for number in range(20):
            picture = Image.new("L", (30, 20), 120 * label)
            picture.paste(240, (5, 5, 6 + number, 10))
            picture.save(project.folder / "images" / "mine" / name / f"{number}.png")
    project.run("dvc", "add", "images/mine")
    project.commit()
    assert set(ran(project.repro(TRAIN))) == {"resolve", "download", TRAIN}
    project.commit()
    return project


def test_edit_that_changes_no_pixel_runs_the_download_alone(project):
    (project.folder / "images" / "mine" / "circle" / "notes.txt").write_text("drawn by hand")
    project.run("dvc", "add", "images/mine")
    assert ran(project.repro(TRAIN)) == ["download"]
    assert ran(project.repro(TRAIN)) == []


def test_edit_of_pictures_runs_the_training_too(project):
    for number in range(10):  # more than are tested on
        picture = project.folder / "images" / "mine" / "circle" / f"{number}.png"
        Image.new("L", (30, 20), 7 + number).save(picture)
    project.run("dvc", "add", "images/mine")
    assert ran(project.repro(TRAIN)) == ["download", TRAIN]
    project.commit()


@pytest.mark.parametrize(
    ("environment", "classes"), [({}, 2), ({"DATASET_FOLDER": "downloads/given"}, 3)]
)
def test_temporary_copy_has_what_dvc_tracks_and_finds_a_relative_folder(
    project, environment, classes
):
    for name in "abc":
        given = project.folder / "downloads" / "given" / name
        given.mkdir(parents=True, exist_ok=True)
        for number in range(10):
            Image.new("L", (9, 9), number).save(given / f"{number}.png")
    command = ["dvc", "exp", "run", "--temp", "--force", "-s", "download"]
    output = project.run(*command, environment=ENVIRONMENT | environment)
    assert f"mine: folders of pictures, {classes} classes" in output
