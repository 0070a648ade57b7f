"""Write a trained model as ONNX files and measure their parity with PyTorch."""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder, RunFolder
from grvae.base.storage import save_json, write_atomically
from grvae.model.images import load_images
from grvae.model.vae import load_vae
from grvae.use.export import decoder_to_onnx, encoder_to_onnx, measure_parity


@click.command(cls=StageCommand, help=__doc__)
@paths("data", "run", "encoder", "decoder", "parity")
def export(data: Path, run: Path, encoder: Path, decoder: Path, parity: Path) -> None:
    model = load_vae(RunFolder(run).weights)
    files = encoder_to_onnx(model), decoder_to_onnx(model)
    measured = measure_parity(model, *files, load_images(DataFolder(data).test).pixels)
    for path, content in zip((encoder, decoder), files, strict=True):
        write_atomically(path, content)
    save_json(parity, measured)


if __name__ == "__main__":
    export()
