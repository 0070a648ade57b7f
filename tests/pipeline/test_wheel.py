"""A built wheel works without the repository around it."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from PIL import Image

from grvae.model.vae import build_model, save_vae
from tests.conftest import PROJECT


@pytest.mark.slow
def test_wheel_classifies_a_picture_outside_the_repository(tmp_path, recipe):
    source = tmp_path / "source"
    for name in ("fanout", "grvae"):
        shutil.copytree(PROJECT / name, source / name)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PROJECT / name, source)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", tmp_path]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, source], check=True)
    [wheel] = tmp_path.glob("grvae-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")

    save_vae(tmp_path / "weights.safetensors", build_model(recipe, "relu", 0))
    picture = Image.new("L", (40, 40))
    picture.paste(255, (15, 5, 20, 35))
    picture.save(tmp_path / "picture.png")
    words = ["encode", "--weights", "weights.safetensors", "picture.png"]
    code = "import grvae, sys; print(grvae.__file__); from grvae.use.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code, *words],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert ran.stdout.startswith(str(tmp_path / "site"))
    assert "picture.png" in ran.stdout + ran.stderr
    assert ran.returncode == 0
