"""Train one variant with one seed."""

import platform
import time
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd
import torch
from tqdm import tqdm

from grvae.base.command import StageCommand, paths
from grvae.base.layout import DataFolder
from grvae.base.storage import save_json, save_table
from grvae.model.checkpoint import Checkpoint, run_identity
from grvae.model.images import load_images
from grvae.model.run import EpochRow
from grvae.model.training import train_vae
from grvae.model.vae import save_vae
from grvae.params import load_variant


@click.command(cls=StageCommand, help=__doc__)
@paths("variant", "data", "weights")
@click.option("--seed", type=int, required=True)
@paths("history", "checkpoint", "log", required=False)
def train(
    variant: Path,
    data: Path,
    weights: Path,
    seed: int,
    history: Path | None,
    checkpoint: Path | None,
    log: Path | None,
) -> None:
    chosen = load_variant(variant)
    recipe, latent_act, files = chosen.recipe, chosen.latent_act, DataFolder(data / chosen.dataset)
    images = load_images(files.train)
    # Without a history nobody asks how the validation split fares.
    validation = load_images(files.validation, may_be_empty=True) if history else images[:0]

    saved = None
    if checkpoint is not None:
        arrays = {"pixels": images.stored.numpy(), "labels": images.labels.numpy()}
        about = {"recipe": recipe.model_dump(), "latent_act": latent_act, "seed": seed}
        identity = run_identity(arrays, about)
        saved = Checkpoint(checkpoint, identity)

    start = time.perf_counter()
    epochs = recipe.epochs + recipe.decoder_epochs
    with EpochBar(f"{variant.stem} {seed}", epochs) as bar:
        model, rows = train_vae(images, validation, recipe, latent_act, seed, bar.show, saved)
    seconds = time.perf_counter() - start

    save_vae(weights, model)
    if history is not None:
        save_table(history, pd.DataFrame([asdict(row) for row in rows]))
    if saved is not None:
        saved.remove()
    if log is not None:
        save_json(log, {"seconds": seconds, **machine()})


class EpochBar:
    """A progress bar on a terminal, one line an epoch elsewhere."""

    def __init__(self, label: str, epochs: int) -> None:
        self.label, self.epochs = label, epochs
        self.bar = tqdm(total=epochs, desc=label, unit="epoch", disable=None)

    def __enter__(self) -> "EpochBar":
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
