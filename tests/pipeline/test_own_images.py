"""Own images: what an edit makes stale under the real DVC, and colour from folder to page."""

import json
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageColor

from grvae.base.storage import load_json
from grvae.use.cli import main
from tests.conftest import write_small_params
from tests.project import Project

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
    add_images(project)
    assert set(project.repro(TRAIN)) == {"resolve", "download", TRAIN}
    project.commit()
    return project


def add_images(project):
    with project.dvc() as repo:
        repo.add("images/mine")


def test_edit_runs_the_download_alone_until_a_pixel_changes(project):
    project.write("images/mine/circle/notes.txt", "drawn by hand")
    add_images(project)
    assert project.repro(TRAIN) == ["download"]
    assert project.repro(TRAIN) == []
    for number in range(10):  # more than are tested on
        picture = project.folder / "images" / "mine" / "circle" / f"{number}.png"
        Image.new("L", (30, 20), 7 + number).save(picture)
    add_images(project)
    assert project.repro(TRAIN) == ["download", TRAIN]
    project.commit()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "classes"), [([], 2), (["DATASET_FOLDER=downloads/given"], 3)]
)
def test_temporary_copy_has_what_dvc_tracks_and_finds_a_relative_folder(
    project, variables, classes
):
    for name in "abc":
        given = project.folder / "downloads" / "given" / name
        given.mkdir(parents=True, exist_ok=True)
        for number in range(10):
            Image.new("L", (9, 9), number).save(given / f"{number}.png")
    command = ["dvc", "exp", "run", "--temp", "--force", "-s", "download"]
    output = project.run("env", *variables, *command)
    assert f"mine: folders of pictures, {classes} classes" in output


def draw_bar(path, place, ink, height):
    """A picture of a bar in a colour, at one of three places on dark paper."""
    picture = Image.new("RGB", (40, 32), (20, 20, 20))
    picture.paste(ImageColor.getrgb(ink), (2 + 13 * place, 2, 12 + 13 * place, height))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


@pytest.mark.slow
def test_bars_in_any_colour_go_from_a_folder_to_figures_page_and_command(tmp_path, monkeypatch):
    project = Project(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    places = ["left", "middle", "right"]
    for place, ink, height in product(places, ("tomato", "limegreen", "royalblue"), range(10, 30)):
        picture = Path("images", "bars", place, f"{ink}-{height}.png")
        draw_bar(picture, places.index(place), ink, height)
    values = {"dataset": "bars", "image_colours": "rgb", "image_side": 16, "variants": ["gated"]}
    recipe = {"epochs": 6, "decoder_epochs": 0, "epoch_steps": 100}
    write_small_params(Path("params.yaml"), recipe, **values)
    project.repro("figures", "export", "demo")

    run = Path("runs/gated/0")
    measures = load_json(run / "measures.json")
    assert measures["classes"] == places
    assert measures["argmax_accuracy"] > 0.75  # by chance once in a million sets of 36 images
    with Image.open("reports/figures/traversals.png") as traversals:
        assert traversals.convert("HSV").getextrema()[1][1] > 100  # saturation
    assert '"classes":["left","middle","right"]' in Path("reports/demo/data/index.js").read_text()

    draw_bar(Path("photo.jpg"), 2, "royalblue", 20)
    Image.new("RGB", (60, 60), "white").save("white.png")
    command = ["encode", f"--weights={run / 'weights.safetensors'}", "--json"]
    photo, white = json.loads(CliRunner().invoke(main, [*command, "photo.jpg", "white.png"]).output)
    assert (photo["name"], photo["out_of_distribution"]) == ("right", None)
    assert white["out_of_distribution"] == "more light"
