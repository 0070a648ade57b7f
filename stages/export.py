"""Write a trained model as ONNX files and measure their parity with PyTorch."""

from dataclasses import asdict
from pathlib import Path

import click

from grvae.export import decoder_to_onnx, encoder_to_onnx, measure_parity
from grvae.images import load_images
from grvae.storage import save_json, write_atomically
from grvae.vae import load_vae
from stages.command import PATH, StageCommand


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
