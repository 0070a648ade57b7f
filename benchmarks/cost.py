"""How time and peak memory of training grow with images, width and seeds.

Every setting trains in a process of its own, so that its peak memory is its own; one thing grows
while the others stay as they are.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import click
import pandas as pd
from matplotlib.figure import Figure

from grvae.base.command import StageCommand, paths
from grvae.base.storage import save_table, write_atomically
from grvae.model.images import load_images
from grvae.model.training import train_vae
from grvae.params import load_params
from grvae.show.style import GREY, OKABE_ITO, encode_png, styled

SETTINGS = {
    "images": (10_000, 20_000, 30_000, 40_000, 50_000, 60_000),
    "width": (64, 128, 256, 512, 1024),
    "seeds": (1, 2, 3, 4),
}
USUAL = {"images": 60_000, "width": 256, "seeds": 1}
SHORT = {"epochs": 2, "decoder_epochs": 1}


def train_setting(
    params: Path, images_file: Path, images: int, width: int, seeds: int
) -> dict[str, float]:
    """Seconds and peak megabytes of this process, which trains one setting and nothing else."""
    recipe = load_params(params).variant("hard").recipe
    sizes = {"network": "mlp", "hidden_sizes": [width, width // 2], "decoder_sizes": None}
    recipe = recipe.model_copy(update=SHORT | sizes)
    data = load_images(images_file)[:images]
    start = time.perf_counter()
    for seed in range(seeds):
        train_vae(data, data[:0], recipe, "relu", seed)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_megabytes": peak}


@click.command(cls=StageCommand)
@paths("params", "images", "table", "figure")
def growth(params: Path, images: Path, table: Path, figure: Path) -> None:
    """Train every setting in a process of its own; writes a table and a figure."""
    rows = []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for varied, values in SETTINGS.items():
            for value in values:
                setting = USUAL | {varied: value}
                cost = pool.submit(train_setting, params, images, **setting).result()
                rows.append({"varied": varied, **setting, **cost})
                click.echo(f"{varied} {value}: {cost['seconds']:.1f} s")
    costs = pd.DataFrame(rows)
    save_table(table, costs)
    write_atomically(figure, encode_png(draw_growth(costs)))


@styled
def draw_growth(table: pd.DataFrame) -> Figure:
    """Time and peak memory against each thing that grows, with the line of equal growth."""
    figure = Figure(figsize=(8.3, 4.2), layout="constrained")
    panels = figure.subplots(2, len(SETTINGS), sharex="col")
    for column, varied in enumerate(SETTINGS):
        rows = table[table["varied"] == varied].sort_values(varied)
        for row, (name, label) in enumerate(
            (("seconds", "seconds"), ("peak_megabytes", "peak memory, MB"))
        ):
            panel = panels[row, column]
            last = rows.iloc[-1]
            line = rows[varied] / last[varied] * last[name]
            panel.plot(rows[varied], line, color=GREY, ls="--", lw=1, label="proportional")
            panel.plot(rows[varied], rows[name], "o-", color=OKABE_ITO[0], ms=4, label="measured")
            panel.set_ylim(bottom=0)
            panel.set_xlim(left=0)
            if column == 0:
                panel.set_ylabel(label)
        panels[1, column].set_xlabel({"width": "units of the widest layer"}.get(varied, varied))
    panels[0, 0].legend()
    return figure


if __name__ == "__main__":
    growth()
