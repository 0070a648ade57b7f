"""The `grvae` command: what one does with a trained run outside of the pipeline."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fanout.__main__ import main as fan_out
from grvae.base import process  # noqa: F401 - for all that this command starts
from grvae.base.command import PATH, CommandGroup
from grvae.base.errors import GrvaeError
from grvae.base.storage import load_json
from grvae.params import load_params

# What most stages import, `grvae` first: it pins the maths libraries before they are loaded.
PRELOADED = (
    "grvae",
    "torch",
    "torch._dynamo",  # which an optimizer imports at its first step
    "safetensors.torch",
    "pandas",
    "pydantic",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.pipeline",
)
# At the peak of a stage, as `make bench` measures it: what libraries, model and batch take, and how
# often a stage has all images, which are copied as they are read.
BYTES_WITHOUT_IMAGES = 0.95e9
COPIES_OF_IMAGES = 2

if TYPE_CHECKING:
    from grvae.measure.out_of_distribution import Limits
    from grvae.model.vae import VAE


@click.group(cls=CommandGroup)
def main() -> None:
    """Use a trained gradient-routed autoencoder, or train many at once."""


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def repro(arguments: Sequence[str]) -> None:
    """Do what `dvc repro` does, with independent stages side by side; `--help` says more."""
    parameters = Path("params.yaml")
    sets = [*Path("data").glob("*")]
    if parameters.exists() and Path("stages").is_dir():  # and not a study with values of its own
        settings = load_params(parameters)  # or every stage would find the same mistake
        sets = [Path("data", settings.dataset)]
    sys.exit(fan_out(arguments, "grvae repro", PRELOADED, bytes_of_a_stage(sets)))


def bytes_of_a_stage(sets: Sequence[Path]) -> float:
    """What a stage that reads one of these folders needs at most; there are none at first."""
    sizes = [sum(file.stat().st_size for file in folder.glob("*.safetensors")) for folder in sets]
    return BYTES_WITHOUT_IMAGES + COPIES_OF_IMAGES * max(sizes, default=0)


# The export of a run, in git.
DEFAULT_MODEL = Path("reports/onnx")
weights_option = click.option(
    "--weights",
    "weights_file",
    type=PATH,
    help=f"Of the trained run, else those in {DEFAULT_MODEL}.",
)


def load_trained(weights_file: Path | None) -> "VAE":
    """The model that a command is told to use, or else the one that is in the repository.

    Raises:
        GrvaeError: the file is not there, or it does not hold a VAE.
    """
    from grvae.model.vae import load_vae  # slow to import, and not needed by `repro`

    if weights_file is None:
        from grvae.use.export import model_from_onnx

        files = DEFAULT_MODEL / "encoder.onnx", DEFAULT_MODEL / "decoder.onnx"
        if not all(file.is_file() for file in files):
            raise GrvaeError(f"no {files[0]} here: name a trained run's weights with --weights")
        click.echo(
            f"Without --weights, the model is that of {files[0]} and {files[1].name}", err=True
        )
        return model_from_onnx(*(file.read_bytes() for file in files))
    if not weights_file.exists():
        raise GrvaeError(f"{weights_file}: no such file; `make repro` trains the runs")
    return load_vae(weights_file)


def limits_beside(weights_file: Path | None) -> "Limits | None":
    """What the stage `evaluate` has found of the model's training images, if it has been run."""
    from grvae.measure.out_of_distribution import Limits

    measures = (weights_file.parent if weights_file else DEFAULT_MODEL) / "measures.json"
    found = load_json(measures).get("limits") if measures.is_file() else None
    return Limits(**found) if found else None


@main.command()
@click.argument("image_files", metavar="IMAGE...", type=PATH, nargs=-1, required=True)
@weights_option
@click.option("--as-is", is_flag=True, help="The images have the set's size and colours already.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: a list, one object an image.")
def encode(
    image_files: Sequence[Path], weights_file: Path | None, as_is: bool, as_json: bool
) -> None:
    """Encode pictures: the class of the largest mean, by name, and the mean of every latent.

    A picture may have any size and format; it is brought to the size of the images that the model
    has learned. For handwritten digits it may have any polarity, too, and is cropped, scaled and
    centred as the browser demo does it. The last column has warnings: `low margin over NAME`, if
    the encoder gives another latent a chance of 5 % or more to be the largest; `out of
    distribution`, for images with more or less ink than those that the model has learned, or with a
    larger reconstruction error, as `measures.json` beside the weights knows them. A picture in
    which no digit can be found is an error.
    """
    import torch  # slow to import, and not needed by `repro`

    from grvae.use.classification import classify_images
    from grvae.use.pictures import read_as_is, read_picture

    model = load_trained(weights_file)
    read = read_as_is if as_is else read_picture
    spec = model.architecture.images
    pixels = torch.stack([read(path, spec) for path in image_files])
    found = classify_images(model, pixels, limits_beside(weights_file))
    names = [str(path) for path in image_files]
    if as_json:
        rows = [
            {"image": name, **asdict(each), "warnings": each.warnings}
            for name, each in zip(names, found, strict=True)
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    width, wide = max(len("image"), *map(len, names)), max(len("class"), *map(len, spec.classes))
    header = "".join(f"{latent:>8}" for latent in range(model.architecture.latents))
    click.echo(f"{'image':<{width}}  {'class':>{wide}}{header}  warnings")
    for name, each in zip(names, found, strict=True):
        row = "".join(f"{value:8.3f}" for value in each.means)
        warnings = ", ".join(each.warnings)
        click.echo(f"{name:<{width}}  {each.name:>{wide}}{row}  {warnings}".rstrip())


@main.command(context_settings={"ignore_unknown_options": True})  # -0.5 is a value, no option
@click.argument("values", metavar="VALUES...", nargs=-1, required=True)
@weights_option
@click.option("--out", "image_file", type=PATH, required=True, help="The PNG file to write.")
def decode(values: Sequence[str], weights_file: Path | None, image_file: Path) -> None:
    """Draw an image from one value for each latent, as `encode` shows them."""
    import torch  # slow to import, and not needed by `repro`

    from grvae.use.pictures import write_picture

    means = parse_values(values)
    model = load_trained(weights_file)
    if len(means) != model.architecture.latents:
        raise GrvaeError(f"got {len(means)} values, should be {model.architecture.latents}")
    with torch.no_grad():
        logits = model.decode(model.activate(torch.tensor([means])))
    write_picture(image_file, torch.sigmoid(logits)[0], model.architecture.images)


def parse_values(texts: Sequence[str]) -> list[float]:
    """Numbers from texts, each one number or several with commas between them."""
    parts = [part for text in texts for part in text.split(",")]
    values = []
    for part in parts:
        try:
            value = float(part)
        except ValueError as error:
            raise GrvaeError(f"got {part!r}, should be a number") from error
        if not math.isfinite(value):
            raise GrvaeError(f"got {part!r}, should be a finite number")
        values.append(value)
    return values


if __name__ == "__main__":
    main()
