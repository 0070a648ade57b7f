"""Write a trained model as ONNX files, with what `grvae encode` needs, and check their parity."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder, RunFolder
from grvae.base.storage import load_json, save_json, write_atomically
from grvae.model.images import load_images
from grvae.model.vae import load_vae
from grvae.use.export import PARITY_LIMIT, check_parity, decoder_to_onnx, encoder_to_onnx


@click.command(cls=StageCommand, help=__doc__)
@paths("data", "run", "encoder", "decoder", "measures", "parity")
def export(
    data: Path, run: Path, encoder: Path, decoder: Path, measures: Path, parity: Path
) -> None:
    model = load_vae(RunFolder(run).weights)
    files = encoder_to_onnx(model), decoder_to_onnx(model)
    images = load_images(DataFolder(data).test)
    largest = max(check_parity(model, *files, part.pixels) for part in images.parts())
    click.echo(f"ONNX and PyTorch differ by {largest:.1e} at most")
    for path, content in zip((encoder, decoder), files, strict=True):
        write_atomically(path, content)
    save_json(measures, {"limits": load_json(RunFolder(run).measures)["limits"]})
    save_json(
        parity,
        {"images": len(images), "limit": PARITY_LIMIT, "within_limit": largest <= PARITY_LIMIT},
    )


if __name__ == "__main__":
    export()
