"""Train one variant with one seed."""

import platform
import time
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd
import torch
from tqdm import tqdm

from grvae.images import load_images, split_validation
from grvae.params import load_params
from grvae.storage import save_json, save_table
from grvae.training import EpochRow, train_vae
from grvae.vae import save_vae
from stages.command import PATH, StageCommand


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--images", "images_file", type=PATH, required=True)
@click.option("--variant", required=True)
@click.option("--seed", type=int, required=True)
@click.option("--weights", "weights_file", type=PATH, required=True)
@click.option("--history", "history_file", type=PATH, required=True)
@click.option("--log", "log_file", type=PATH, help="Where to note time and versions; untracked.")
def train(
    params_file: Path,
    images_file: Path,
    variant: str,
    seed: int,
    weights_file: Path,
    history_file: Path,
    log_file: Path | None,
) -> None:
    """Train one variant with one seed."""
    params = load_params(params_file)
    recipe = params.recipe_of(variant)
    images, validation = split_validation(load_images(images_file), recipe.validation_fraction)

    start = time.perf_counter()
    with Progress(f"{variant} {seed}", recipe.epochs + recipe.decoder_epochs) as progress:
        model = train_vae(images, validation, recipe, params.latent_act, seed, progress.show)
    seconds = time.perf_counter() - start

    save_vae(weights_file, model)
    save_table(history_file, pd.DataFrame([asdict(row) for row in progress.rows]))
    if log_file is not None:
        save_json(log_file, {"seconds": seconds, **machine()})


class Progress:
    """A progress bar on a terminal, one line an epoch elsewhere; keeps the rows it has shown."""

    def __init__(self, label: str, epochs: int) -> None:
        self.label, self.epochs = label, epochs
        self.rows: list[EpochRow] = []
        self.bar = tqdm(total=epochs, desc=label, unit="epoch", disable=None)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, row: EpochRow) -> None:
        """Show one finished epoch."""
        self.rows.append(row)
        losses = f"loss {row.loss:.2f}, squared error {row.squared_error:.2f}"
        if row.validation_accuracy is not None:
            losses += f", validation accuracy {row.validation_accuracy:.4f}"
        self.bar.set_postfix_str(losses, refresh=False)
        self.bar.update()
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
