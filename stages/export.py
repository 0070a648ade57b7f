"""Write a trained model as ONNX files and measure their parity with PyTorch."""

from dataclasses import asdict
from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_json, write_atomically
from grvae.model.images import load_images
from grvae.model.vae import load_vae
from grvae.use.export import decoder_to_onnx, encoder_to_onnx, measure_parity


@click.command(cls=StageCommand)
@click.option("--weights", "weights_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--encoder", "encoder_file", type=PATH, required=True)
@click.option("--decoder", "decoder_file", type=PATH, required=True)
@click.option("--parity", "parity_file", type=PATH, required=True)
def export(
    weights_file: Path, test_file: Path, encoder_file: Path, decoder_file: Path, parity_file: Path
) -> None:
    """Write a trained model as ONNX files and measure their parity with PyTorch."""
    model = load_vae(weights_file)
    encoder, decoder = encoder_to_onnx(model), decoder_to_onnx(model)
    parity = measure_parity(model, encoder, decoder, load_images(test_file).pixels)
    write_atomically(encoder_file, encoder)
    write_atomically(decoder_file, decoder)
    save_json(parity_file, asdict(parity))


if __name__ == "__main__":
    export()
