"""Which files a folder of images and a folder of a run hold; `dvc.yaml` names the same ones."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataFolder:
    """The images that a variant learns from and is measured on."""

    folder: Path

    @property
    def train(self) -> Path:
        """Images to learn from."""
        return self.folder / "train.safetensors"

    @property
    def validation(self) -> Path:
        """Images to choose a recipe by; cut from the published train split."""
        return self.folder / "validation.safetensors"

    @property
    def test(self) -> Path:
        """Images to measure on."""
        return self.folder / "test.safetensors"


@dataclass(frozen=True)
class RunFolder:
    """What one trained run leaves."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The trained model."""
        return self.folder / "weights.safetensors"

    @property
    def history(self) -> Path:
        """A row an epoch."""
        return self.folder / "history.csv"

    @property
    def measures(self) -> Path:
        """What was measured on the test split."""
        return self.folder / "measures.json"

    @property
    def samples(self) -> Path:
        """Images that show what the model has learned."""
        return self.folder / "samples.safetensors"


def run_folder(runs: Path, variant: str, seed: int) -> RunFolder:
    """The folder of one run."""
    return RunFolder(runs / variant / str(seed))


def keep_only(runs: Path, wanted: Iterable[tuple[str, int]]) -> None:
    """Remove the folders of all other runs, so that what depends on `runs` sees no leftovers.

    Nothing is lost: DVC's cache still has them, and a seed or variant that is asked for again
    comes back from there.

    Args:
        runs: holds a folder a variant with a folder a seed in it.
        wanted: the variant and seed of each run to keep.
    """
    kept = {run_folder(runs, variant, seed).folder for variant, seed in wanted}
    for folder in sorted(runs.glob("*/*")):
        if folder not in kept:
            shutil.rmtree(folder)
    for folder in sorted(runs.glob("*")):
        if not any(folder.iterdir()):
            folder.rmdir()
