"""How the hard mask loses a digit in the first epochs, and what a floor changes, by one seed.

Seed 1003 of the earlier default recipe lost two digits whole. The same initial weights, batches and
noise are trained with and without a floor, and every digit's own latent is looked at on the way.
"""

from pathlib import Path

import click
import pandas as pd
import torch
from matplotlib.figure import Figure

from grvae.base.command import StageCommand, paths
from grvae.base.determinism import repeatable
from grvae.base.layout import DataFolder
from grvae.base.sizes import DIGITS
from grvae.base.storage import save_table, write_atomically
from grvae.model.images import ImageSet, load_images
from grvae.model.run import Run
from grvae.model.training import joint_epoch, shuffled_batches
from grvae.params import Recipe, load_params
from grvae.show.style import GREY, OKABE_ITO, encode_png, make_panels, styled

SEED, EPOCHS, EVERY_STEPS, LOOKED_AT = 1003, 3, 10, 3000
EARLIER = {
    "network": "mlp",
    "hidden_sizes": [256, 128],
    "decoder_sizes": None,
    "epochs": 18,
    "decoder_epochs": 18,
}
FLOORS = {"hard mask": None, "hard mask with a floor of 5": 5.0}
LOST = (1, 2)


@torch.no_grad()
def look(run: Run, images: ImageSet) -> list[dict[str, float]]:
    """Of each digit, the recall and the mean of its own latent over its images."""
    mean, _ = run.model.encode(images.pixels)
    is_right = mean.argmax(dim=1) == images.labels
    rows = []
    for digit in range(DIGITS):
        own = images.labels == digit
        recall, own_mean = is_right[own].float().mean().item(), mean[own, digit].mean().item()
        rows.append({"digit": digit, "recall": recall, "own_mean": own_mean})
    return rows


@repeatable(has_convolutions=False)
def follow(recipe: Recipe, train: ImageSet, validation: ImageSet) -> pd.DataFrame:
    """Train for `EPOCHS` epochs; one row a look and digit."""
    run = Run(recipe, "relu", SEED, train.labels)
    rows = []
    for _ in range(EPOCHS):
        for batch in shuffled_batches(len(train), recipe.batch_size, run.shuffle):
            if run.descent.steps % EVERY_STEPS == 0:
                rows += [{"step": run.descent.steps, **row} for row in look(run, validation)]
            joint_epoch(run, train, [batch])
    return pd.DataFrame(rows)


@styled
def draw_lost_digits(table: pd.DataFrame) -> Figure:
    """Each digit's own latent over the first steps, with and without a floor."""
    figure, panels = make_panels(len(FLOORS), height=3.1)
    for panel, mask in zip(panels, FLOORS, strict=True):
        for digit, rows in table[table["mask"] == mask].groupby("digit"):
            is_lost = digit in LOST
            colour = OKABE_ITO[1 + LOST.index(int(str(digit)))] if is_lost else GREY
            panel.plot(
                rows["step"],
                rows["own_mean"],
                color=colour,
                lw=2 if is_lost else 0.8,
                label=f"digit {digit}" if is_lost else None,
            )
        panel.axhline(0, color="black", lw=0.8, ls=":")
        panel.set(title=mask, xlabel="step", ylabel="mean of the digit's own latent")
        panel.set_ylim(-2.5, 9)
        panel.legend(loc="upper left")
    return figure


@click.command(cls=StageCommand)
@paths("params", "data", "table", "figure")
def main(params: Path, data: Path, table: Path, figure: Path) -> None:
    """Follow one seed with and without a floor; writes a table and a figure."""
    hard = load_params(params).variant("hard").recipe
    train = load_images(DataFolder(data).train)
    validation = load_images(DataFolder(data).validation)[:LOOKED_AT]
    followed = []
    for mask, floor in FLOORS.items():
        recipe = hard.merged({**EARLIER, "floor": floor}, "")
        followed.append(follow(recipe, train, validation).assign(mask=mask))
    rows = pd.concat(followed)
    save_table(table, rows)
    write_atomically(figure, encode_png(draw_lost_digits(rows)))


if __name__ == "__main__":
    main()
