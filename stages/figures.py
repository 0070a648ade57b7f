"""Draw all figures from the tables and from the samples of single runs."""

from itertools import product
from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import load_arrays, load_json, load_table, write_atomically
from grvae.params import load_params
from grvae.show.figures import (
    Traversal,
    draw_accuracy_against_error,
    draw_confusion,
    draw_mean_activation,
    draw_reconstructions,
    draw_seeds,
    draw_sweep,
    draw_training_curves,
    draw_traversals,
    encode_gif,
    encode_png,
    pool_confusion,
)


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--runs", "runs_folder", type=PATH, required=True)
@click.option("--table", "table_file", type=PATH, required=True)
@click.option("--curves", "curves_file", type=PATH, required=True)
@click.option("--published", "published_file", type=PATH, required=True)
@click.option("--out", "folder", type=PATH, required=True)
def figures(
    params_file: Path,
    runs_folder: Path,
    table_file: Path,
    curves_file: Path,
    published_file: Path,
    folder: Path,
) -> None:
    """Draw all figures; those that show one model show the first seed's."""
    params = load_params(params_file)
    runs, curves = load_table(table_file), load_table(curves_file)
    published = load_json(published_file)
    measures = {
        (variant, seed): load_json(runs_folder / variant / str(seed) / "measures.json")
        for variant, seed in product(params.variants, params.seeds)
    }
    first = {variant: measures[variant, params.seeds[0]] for variant in params.variants}
    samples = {
        variant: load_arrays(runs_folder / variant / str(params.seeds[0]) / "samples.safetensors")[
            0
        ]
        for variant in params.variants
    }
    traversals = {
        variant: Traversal(arrays["traversal"], first[variant]["assignment"])
        for variant, arrays in samples.items()
    }
    reconstructions = {variant: arrays["reconstructions"] for variant, arrays in samples.items()}
    activations = {variant: values["mean_activation"] for variant, values in first.items()}
    sweep = draw_sweep({variant: arrays["sweep"] for variant, arrays in samples.items()})
    pictures = {
        "training_curves": draw_training_curves(curves),
        "accuracy_against_error": draw_accuracy_against_error(runs, published, params.dataset),
        "seeds": draw_seeds(runs),
        "mean_activation": draw_mean_activation(activations),
        "confusion": draw_confusion(*pool_confusion(measures)),
        "reconstructions": draw_reconstructions(
            samples[params.variants[0]]["originals"], reconstructions
        ),
        "traversals": draw_traversals(traversals),
    }
    for name, figure in pictures.items():
        write_atomically(folder / f"{name}.png", encode_png(figure))
    write_atomically(folder / "sweep.gif", encode_gif(*sweep))


if __name__ == "__main__":
    figures()
