"""Own images: what an edit makes stale under the real DVC, and colour from folder to page."""

import json
import shutil
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw
from ruamel.yaml import YAML

from grvae.base.storage import load_json
from grvae.use.cli import main
from stages.demo import demo
from stages.download import download
from stages.evaluate import evaluate
from stages.export import export
from stages.figures import figures
from stages.resolve import resolve
from stages.summarise import summarise
from stages.train import train
from tests.conftest import PROJECT, write_small_params
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


def draw_shape(path, shape, ink, place):
    """A picture of a shape in a colour, at one of some places on dark paper."""
    picture = Image.new("RGB", (40, 32), (20, 20, 20))
    left, top = 4 + 3 * (place % 5), 2 + 2 * (place % 4)
    canvas, box = ImageDraw.Draw(picture), (left, top, left + 20, top + 20)
    if shape == "disc":
        canvas.ellipse(box, ink)
    elif shape == "bar":
        canvas.rectangle((left, top + 7, left + 20, top + 13), ink)
    else:
        canvas.rectangle(box, None, ink, 5)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def test_shapes_in_any_colour_go_from_a_folder_to_figures_page_and_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shapes = ["bar", "disc", "frame"]
    for shape, ink, place in product(shapes, ("tomato", "limegreen", "royalblue"), range(20)):
        draw_shape(Path("images", "shapes", shape, f"{ink}-{place}.png"), shape, ink, place)
    values = {"dataset": "shapes", "image_colours": "rgb", "image_side": 16, "variants": ["gated"]}
    yaml, params = YAML(), write_small_params(tmp_path / "params.yaml", **values)
    written = yaml.load(params)
    written["recipe"] |= {"epochs": 6, "decoder_epochs": 0, "epoch_steps": 100}
    yaml.dump(written, params)

    def run(stage, **options):
        words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        result = CliRunner().invoke(stage, words, catch_exceptions=False)
        assert result.exit_code == 0, result.output

    folder, data = Path("runs/gated/0"), "data/shapes"
    variant = {"variant": "variants/gated.json", "data": "data"}
    files = {"weights": folder / "weights.safetensors", "history": folder / "history.csv"}
    run(resolve, params=params, out="variants")
    run(download, params=params, data="data")
    run(train, seed=0, **files, **variant)
    run(evaluate, params=params, run=folder, **variant)
    measures = load_json(folder / "measures.json")
    assert measures["classes"] == shapes
    assert measures["argmax_accuracy"] > 0.75  # by chance once in a million sets of 36 images

    shutil.copytree(folder, folder.with_name("1"))  # two seeds are the fewest
    Path("probe.json").write_text('{"probe_accuracy": 0.5}')
    tables = {name: name for name in ("metrics", "summary", "table", "curves", "confusion")}
    run(summarise, params=params, runs="runs", pixel_probe="probe.json", **tables)
    drawn = {"published": PROJECT / "reports" / "published.json", "out": "figures"}
    run(figures, params=params, runs="runs", table="table", curves="curves", **drawn)
    with Image.open("figures/traversals.png") as traversals:
        assert traversals.convert("HSV").getextrema()[1][1] > 100  # saturation

    written = {name: name for name in ("encoder", "decoder", "measures", "parity")}
    run(export, data=data, run=folder, **written)
    page = {"sources": PROJECT / "grvae" / "demo", "page": "page"}
    run(demo, params=params, variants="variants", data=data, runs="runs", **page)
    assert '"classes":["bar","disc","frame"]' in Path("page/data/index.js").read_text()

    draw_shape(Path("photo.jpg"), "frame", "royalblue", 7)
    Image.new("RGB", (60, 60), "white").save("white.png")
    command = ["encode", f"--weights={files['weights']}", "--json", "photo.jpg", "white.png"]
    photo, white = json.loads(CliRunner().invoke(main, command).output)
    assert (photo["name"], photo["out_of_distribution"]) == ("frame", None)
    assert white["out_of_distribution"] == "more light"
