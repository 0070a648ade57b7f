import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from grvae.model.vae import build_model, save_vae
from grvae.use import cli
from grvae.use.cli import bytes_of_a_stage, main
from tests.conftest import PROJECT


def test_stage_is_expected_to_need_memory_for_the_largest_set(tmp_path):
    for name, size in (("small", 10), ("large", 1000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.safetensors").write_bytes(b"x" * size)
    assert bytes_of_a_stage([tmp_path / "small", tmp_path / "large"]) == bytes_of_a_stage([]) + 2000


def test_study_with_parameters_of_its_own_is_repeated_in_its_folder(monkeypatch):
    monkeypatch.chdir(PROJECT / "studies")
    asked = []
    monkeypatch.setattr(cli, "fan_out", lambda arguments, *_: asked.append(arguments))
    assert run("repro", "--dry").exit_code == 0
    assert asked == [("--dry",)]


@pytest.fixture
def model(recipe):
    return build_model(recipe, "relu", seed=0).eval()


@pytest.fixture
def weights(model, tmp_path):
    save_vae(tmp_path / "weights", model)
    return tmp_path / "weights"


@pytest.fixture
def digit(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(grey).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fails_with(result, line):
    assert result.exit_code == 1
    assert result.output.splitlines() == [f"Error: {line}"]


def means_of(model, path):
    pixels = torch.from_numpy(np.array(Image.open(path).convert("L"))).reshape(1, 784) / 255
    with torch.no_grad():
        return model.encode(pixels)[0][0]


def test_encode_shows_a_row_an_image(model, weights, digit, tmp_path):
    Image.open(digit).convert("RGB").save(tmp_path / "colour.png")
    result = run("encode", "--as-is", "--weights", weights, digit, tmp_path / "colour.png")
    header, row, other = (line.split() for line in result.output.splitlines())
    means = means_of(model, digit)
    assert header == ["image", "class", *map(str, range(10)), "warnings"]
    assert row[:12] == [str(digit), str(int(means.argmax())), *(f"{mean:.3f}" for mean in means)]
    assert other[1:] == row[1:]


def test_decode_draws_what_was_encoded(model, weights, digit, tmp_path):
    out = tmp_path / "out.png"
    means = means_of(model, digit)
    values = [f"{mean:.6f}" for mean in means]
    assert min(means) < 0, "a negative value must not be taken for an option"
    for arguments in (values, [",".join(values)]):
        assert run("decode", "--weights", weights, "--out", out, *arguments).exit_code == 0
        with torch.no_grad():
            expected = torch.sigmoid(model.decode(model.activate(means[None])))[0]
        pixels = np.array(Image.open(out)).ravel() / 255
        np.testing.assert_allclose(pixels, expected, atol=1 / 255)


def test_encode_writes_json_for_scripts(model, weights, digit):
    result = run("encode", "--as-is", "--json", "--weights", weights, digit)
    (row,) = json.loads(result.output)
    assert row["image"] == str(digit)
    np.testing.assert_allclose(row["means"], means_of(model, digit), atol=1e-5)
    assert row["argmax"] == int(np.argmax(row["means"]))
    assert row["name"] == str(row["argmax"])
    assert row["runner_up"] == str(np.argsort(row["means"])[-2])
    assert 0 < row["runner_up_chance"] < 0.5
    assert "out_of_distribution" in row
    assert isinstance(row["warnings"], list)


def test_missing_image_is_named(weights, tmp_path):
    missing = tmp_path / "none.png"
    result = run("encode", "--weights", weights, missing)
    fails_with(result, f"cannot read {missing}: No such file or directory")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["1", "2", "3"], "got 3 values, should be 10"),
        (["1"] * 9 + ["two"], "got 'two', should be a number"),
        (["1"] * 9 + ["-inf"], "got '-inf', should be a finite number"),
    ],
)
def test_wrong_values_are_named(weights, tmp_path, values, line):
    out = tmp_path / "out.png"
    fails_with(run("decode", "--weights", weights, "--out", out, *values), line)
    assert not out.exists()


def test_model_in_the_repository_is_used_where_no_weights_are_given(digit, tmp_path, monkeypatch):
    monkeypatch.chdir(PROJECT)
    result = run("encode", "--as-is", digit)
    assert result.stdout.startswith("image ")
    line = "Without --weights, the model is that of reports/onnx/encoder.onnx and decoder.onnx\n"
    assert result.stderr == line
    monkeypatch.chdir(tmp_path)
    line = "no reports/onnx/encoder.onnx here: name a trained run's weights with --weights"
    fails_with(run("encode", "--as-is", digit), line)
