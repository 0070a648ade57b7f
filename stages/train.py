"""Train one variant with one seed."""

import platform
import time
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd
import torch
from tqdm import tqdm

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_json, save_table
from grvae.model.checkpoint import Checkpoint, run_identity
from grvae.model.images import load_images, split_validation
from grvae.model.training import EpochRow, train_vae
from grvae.model.vae import save_vae
from grvae.params import load_params


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--images", "images_file", type=PATH, required=True)
@click.option("--variant", required=True)
@click.option("--seed", type=int, required=True)
@click.option("--weights", "weights_file", type=PATH, required=True)
@click.option("--history", "history_file", type=PATH, required=True)
@click.option("--checkpoint", "checkpoint_file", type=PATH, help="Go on from here; untracked.")
@click.option("--log", "log_file", type=PATH, help="Where to note time and versions; untracked.")
def train(
    params_file: Path,
    images_file: Path,
    variant: str,
    seed: int,
    weights_file: Path,
    history_file: Path,
    checkpoint_file: Path | None,
    log_file: Path | None,
) -> None:
    """Train one variant with one seed."""
    params = load_params(params_file)
    recipe = params.recipe_of(variant)
    images, validation = split_validation(load_images(images_file), recipe.validation_fraction)

    checkpoint = None
    if checkpoint_file is not None:
        settings = {"recipe": recipe.model_dump(), "latent_act": params.latent_act, "seed": seed}
        data = {"pixels": images.pixels.numpy(), "labels": images.labels.numpy()}
        checkpoint = Checkpoint(checkpoint_file, run_identity(data, settings))

    start = time.perf_counter()
    with Progress(f"{variant} {seed}", recipe.epochs + recipe.decoder_epochs) as progress:
        model, rows = train_vae(
            images, validation, recipe, params.latent_act, seed, progress.show, checkpoint
        )
    seconds = time.perf_counter() - start

    save_vae(weights_file, model)
    save_table(history_file, pd.DataFrame([asdict(row) for row in rows]))
    if checkpoint is not None:
        checkpoint.remove()
    if log_file is not None:
        save_json(log_file, {"seconds": seconds, **machine()})


class Progress:
    """A progress bar on a terminal, one line an epoch elsewhere."""

    def __init__(self, label: str, epochs: int) -> None:
        self.label, self.epochs = label, epochs
        self.bar = tqdm(total=epochs, desc=label, unit="epoch", disable=None)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, row: EpochRow) -> None:
        """Show one finished epoch."""
        losses = f"loss {row.loss:.2f}, reconstruction {row.reconstruction:.2f}"
        if row.validation_accuracy is not None:
            losses += f", validation accuracy {row.validation_accuracy:.4f}"
        self.bar.set_postfix_str(losses, refresh=False)
        self.bar.update(row.epoch - self.bar.n)
        if self.bar.disable:
            click.echo(f"{self.label} epoch {row.epoch}/{self.epochs}: {losses}")


def machine() -> dict[str, str | int]:
    """What may change a run's time, and what was promised not to change its bits."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    train()
