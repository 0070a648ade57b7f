"""Which files a folder of images and a folder of a run hold; `dvc.yaml` names the same ones."""

from pathlib import Path


class DataFolder:
    """The images that a variant learns from and is measured on.

    Attributes:
        train: images to learn from.
        validation: images to choose a recipe by; cut from the published train split.
        test: images to measure on.
    """

    def __init__(self, folder: Path) -> None:
        self.train = folder / "train.safetensors"
        self.validation = folder / "validation.safetensors"
        self.test = folder / "test.safetensors"


class RunFolder:
    """What one trained run leaves.

    Attributes:
        folder: where it lies.
        weights: the trained model.
        history: a row an epoch.
        measures: what was measured on the test split.
        samples: images that show what the model has learned.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights = folder / "weights.safetensors"
        self.history = folder / "history.csv"
        self.measures = folder / "measures.json"
        self.samples = folder / "samples.safetensors"


def run_folder(runs: Path, variant: str, seed: int) -> RunFolder:
    """The folder of one run."""
    return RunFolder(runs / variant / str(seed))
