"""Train the judge of one dataset, and check it on images that it has not seen."""

from pathlib import Path

import click

from grvae.base.command import PATH, StageCommand
from grvae.base.storage import save_json
from grvae.model.images import load_images, split_validation
from studies.claims.reader import judge_accuracy, save_judge, train_judge
from studies.claims.study import load_study


@click.command(cls=StageCommand)
@click.option("--params", "params_file", type=PATH, required=True)
@click.option("--train", "train_file", type=PATH, required=True)
@click.option("--test", "test_file", type=PATH, required=True)
@click.option("--judge", "judge_file", type=PATH, required=True)
@click.option("--measures", "measures_file", type=PATH, required=True)
def main(
    params_file: Path, train_file: Path, test_file: Path, judge_file: Path, measures_file: Path
) -> None:
    """Train the judge of one dataset, on the images that the models learn from."""
    fraction = load_study(params_file).recipe.validation_fraction
    train, _ = split_validation(load_images(train_file), fraction)
    judge = train_judge(train, seed=0)
    save_judge(judge_file, judge)
    save_json(measures_file, {"test_accuracy": judge_accuracy(judge, load_images(test_file))})


if __name__ == "__main__":
    main()
