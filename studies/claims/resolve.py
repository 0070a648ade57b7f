"""Write every variant of the study in full: the main recipe with what the study changes.

All go into one file, and each into one of its own: what is made of one variant depends on that.
"""

from pathlib import Path

import click

from grvae.base.command import StageCommand, paths
from grvae.base.errors import GrvaeError
from grvae.base.storage import save_json
from grvae.params import load_params
from studies.claims.study import Resolved, load_study


@click.command(cls=StageCommand, help=__doc__)
@paths("params", "main-params", "out", "single")
def main(params: Path, main_params: Path, out: Path, single: Path) -> None:
    study, common = load_study(params), load_params(main_params)
    try:
        variants, evaluation = study.resolve(common), study.evaluation_of(common)
    except ValueError as error:
        raise GrvaeError(f"{params}: {error}") from error
    resolved = Resolved(first_seed=study.first_seed, evaluation=evaluation, variants=variants)
    save_json(out, resolved.model_dump())
    for name in variants:
        save_json(single / f"{name}.json", resolved.single(name).model_dump())


if __name__ == "__main__":
    main()
