"""The `grvae` command: what one does with a trained run outside of the pipeline."""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fanout.cli import repro
from grvae.base.errors import GrvaeError
from grvae.use.server import open_server

PATH = click.Path(path_type=Path)


class Commands(click.Group):
    """Commands that show a `GrvaeError` as one line and exit with code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GrvaeError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands)
def main() -> None:
    """Use a trained gradient-routed autoencoder, or train many at once."""


main.add_command(repro)


@main.command()
@click.argument("image_files", metavar="IMAGE...", type=PATH, nargs=-1, required=True)
@click.option("--weights", "weights_file", type=PATH, required=True, help="Of the trained run.")
@click.option("--invert", is_flag=True, help="The images have dark ink on light paper.")
def encode(image_files: Sequence[Path], weights_file: Path, invert: bool) -> None:
    """Encode images of 28x28 pixels: the mean of every latent, and the largest one's number."""
    import torch  # slow to import, and not needed by `serve`

    from grvae.model.vae import load_vae
    from grvae.use.pictures import read_pictures

    model, pixels = load_vae(weights_file), read_pictures(image_files)
    with torch.no_grad():
        means, _ = model.encode(1 - pixels if invert else pixels)
    names = [str(path) for path in image_files]
    width = max(len("image"), *map(len, names))
    header = "".join(f"{latent:>8}" for latent in range(means.shape[1]))
    click.echo(f"{'image':<{width}}  argmax{header}")
    for name, mean in zip(names, means, strict=True):
        row = "".join(f"{value:8.3f}" for value in mean.tolist())
        click.echo(f"{name:<{width}}  {int(mean.argmax()):>6}{row}")


@main.command(context_settings={"ignore_unknown_options": True})  # -0.5 is a value, no option
@click.argument("values", metavar="VALUES...", nargs=-1, required=True)
@click.option("--weights", "weights_file", type=PATH, required=True, help="Of the trained run.")
@click.option("--out", "image_file", type=PATH, required=True, help="The PNG file to write.")
def decode(values: Sequence[str], weights_file: Path, image_file: Path) -> None:
    """Draw an image from one value for each latent, as `encode` shows them."""
    import torch  # slow to import, and not needed by `serve`

    from grvae.model.vae import load_vae
    from grvae.use.pictures import write_picture

    means = parse_values(values)
    model = load_vae(weights_file)
    if len(means) != model.architecture.latents:
        raise GrvaeError(f"got {len(means)} values, should be {model.architecture.latents}")
    with torch.no_grad():
        logits = model.decode(model.activate(torch.tensor([means])))
    write_picture(image_file, torch.sigmoid(logits)[0])


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


@main.command()
@click.argument("folder", type=PATH)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(folder: Path, port: int) -> None:
    """Serve the demo in FOLDER to browsers on this machine."""
    with open_server(folder, port) as server, contextlib.suppress(KeyboardInterrupt):
        if port not in (0, server.server_port):
            click.echo(f"Port {port} is taken, using {server.server_port} instead.")
        click.echo(f"The demo is at http://127.0.0.1:{server.server_port}/ (stop with Ctrl-C)")
        server.serve_forever()


if __name__ == "__main__":
    main()
