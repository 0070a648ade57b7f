"""Train every run of the longer study that its table lacks, and measure it on the test split.

A run is trained on a device and measured on the CPU. On a GPU runs draw other random numbers than
on a CPU, so that a seed is another run there.
"""

from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import click
import pandas as pd
import torch

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_table, save_table
from grvae.model.images import ImageSet, load_images
from grvae.model.training import train_vae
from grvae.params import Evaluation, Variant, load_params
from studies.claims.measure import measure
from studies.claims.reader import load_reader
from studies.longer.halves import HalvesRecipe, measure_halves
from studies.longer.recipes import load_longer, load_resolved


@cache
def splits(data: Path) -> tuple[ImageSet, ImageSet, ImageSet]:
    """The train, validation and test images of a folder."""
    files = DataFolder(data)
    return load_images(files.train), load_images(files.validation), load_images(files.test)


def run_variant(
    variant: Variant, seed: int, evaluation: Evaluation, data: Path, reader: Path, device: str
) -> dict[str, float]:
    """Train a variant, and measure it as the study of the claims does."""
    train, _, test = splits(data)
    with torch.device(device):
        model, _ = train_vae(
            train.to(device), train[:0].to(device), variant.recipe, variant.latent_act, seed
        )
    read = load_reader(reader)
    return measure(model.cpu(), variant.recipe, evaluation, train, test, read)


def run_halves(recipe: HalvesRecipe, seed: int, data: Path, device: str) -> dict[str, float]:
    """Train and measure an autoencoder of two halves, on all images that are not test images."""
    train, validation, test = splits(data)
    known = ImageSet(
        torch.cat([train.pixels, validation.pixels]), torch.cat([train.labels, validation.labels])
    )
    # On a GPU products are rounded to 10 binary places of their factors, and five times as fast.
    torch.set_float32_matmul_precision("high")
    with torch.device(device):
        measured = measure_halves(known.to(device), test.to(device), recipe, seed)
    torch.set_float32_matmul_precision("highest")
    return measured


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "recipes", "data", "reader", "table")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
def main(
    params: Path,
    main_params: Path,
    recipes: Path,
    data: Path,
    reader: Path,
    table: Path,
    workers: int,
    device: str,
) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        raise GrvaeError("--device: got cuda, but PyTorch finds no GPU")
    resolved = load_resolved(recipes)
    evaluation = load_params(main_params).evaluation.merged(
        {"probe_images": load_longer(params).probe_images}, "probe_images."
    )
    rows = load_table(table) if table.exists() else pd.DataFrame(columns=["variant", "seed"])
    known = set(zip(rows["variant"], rows["seed"], strict=True))
    places = {name: place for place, name in enumerate(resolved.names)}
    with ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        runs = {}
        for name, seed in resolved.runs:
            if (name, seed) in known:
                continue
            if name in resolved.halves:
                run = pool.submit(run_halves, resolved.halves[name], seed, data, device)
            else:
                variant = resolved.variants[name]
                run = pool.submit(run_variant, variant, seed, evaluation, data, reader, device)
            runs[run] = (name, seed)
        failed = []
        for done in as_completed(runs):
            name, seed = runs[done]
            if isinstance(error := done.exception(), GrvaeError):
                failed.append(f"{name} {seed}: {error}")
                continue
            row = {"variant": name, "seed": seed, "device": device, **done.result()}
            rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
            order = rows.assign(place=rows["variant"].map(places)).sort_values(["place", "seed"])
            save_table(table, order.drop(columns="place"))
            click.echo(f"{name} {seed}")
    if failed:
        raise GrvaeError("; ".join(failed))


if __name__ == "__main__":
    main()
