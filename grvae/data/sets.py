"""A set by its name: published, embedded, or a folder of one's own below `images/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from grvae.base.errors import GrvaeError
from grvae.base.image_spec import MNIST
from grvae.base.layout import DataFolder
from grvae.base.storage import save_arrays
from grvae.data.folder import Seen, look_into, read_folder
from grvae.data.labelled import Dataset, brought_to
from grvae.data.letters import load_letters, load_small_letters
from grvae.data.pictures import Colours
from grvae.data.published import SHA256, load_digits, load_published
from grvae.data.receipt import receipt_of
from grvae.model.images import draw_validation

DOWNLOADS = Path("downloads")  # where a published set's files are kept
IMAGES = Path("images")  # holds people's own
PUBLISHED = (*SHA256, "digits", "letters", "letters_small")


class Loaded(NamedTuple):
    """A set and what is to be known of it.

    Attributes:
        train: images to learn from; a validation split is cut from them.
        test: images to measure on.
        receipt: JSON-able; see `grvae.data.receipt`.
    """

    train: Dataset
    test: Dataset
    receipt: dict[str, Any]


def load_dataset(
    name: str,
    folder: Path | None = None,
    *,
    side: int = MNIST.side,
    colours: Colours = "grey",
    transposed: bool = False,
    say: Callable[[str], object] = lambda line: None,
) -> Loaded:
    """The train and the test split of a set.

    Args:
        name: one of `PUBLISHED`, or a folder below `images`.
        folder: holds the files of the set; None looks at what was downloaded before and then asks
            the network, or takes the one below `images`.
        side: pixels of an image's side.
        colours: what the images get.
        transposed: in one's own IDX files, rows and columns are exchanged.
        say: is told what is tried.

    Raises:
        GrvaeError: the set is not to be had, or cannot be learned; says what was tried and why it
            failed.
    """
    if folder is not None:
        folder = folder if folder.exists() else project() / folder
        if not folder.is_dir():
            raise GrvaeError(f"DATASET_FOLDER {folder}: no such folder")
    place = folder or project() / DOWNLOADS / name
    seen = Seen("a published set")
    match name:
        case "digits":
            train, test = load_digits(side)
        case "letters":
            train, test = load_letters(place, side, say)
        case "letters_small":
            train, test = load_small_letters(side)
        case _ if name in SHA256:
            try:
                train, test = load_published(name, place, folder is not None, say)
            except GrvaeError as error:
                remedy = (
                    f"The folder holds {look_into(folder).layout}; images of your own go below "
                    f"{IMAGES}/NAME, to be named by dataset=NAME"
                    if folder
                    else "Name a folder with its four files by DATASET_FOLDER, or set "
                    "dataset=digits, which is on every machine"
                )
                raise GrvaeError(f"{error}. {remedy}") from error
        case _:
            place = folder or _own_folder(name)
            train, test, seen = read_folder(place, side, colours, transposed)
    train, test = (
        Dataset(brought_to(part.images, side, colours), part.labels, part.classes)
        for part in (train, test)
    )
    return Loaded(train, test, receipt_of(name, train, test, seen))


def _own_folder(name: str) -> Path:
    folder = IMAGES / name
    if folder.exists():
        return folder
    if (project() / folder).exists():
        raise GrvaeError(
            f"{folder}: not in this temporary copy, which has what git or DVC tracks; "
            f"`dvc add {folder}` first"
        )
    own = sorted(path.name for path in IMAGES.glob("*") if path.is_dir())
    raise GrvaeError(
        f"dataset: got {name!r}, {folder} is no folder; allowed: {', '.join([*PUBLISHED, *own])}"
    )


def project() -> Path:
    """The project's folder: where the command runs, or what DVC made a temporary copy of there."""
    here = Path.cwd()
    copied = (parent.parent for parent in here.parents if parent.name == ".dvc")
    return next(copied, Path())


def write_splits(data: DataFolder, train: Dataset, test: Dataset, fraction: float) -> None:
    """Write the three splits; each image notes its position in the published one.

    The names of the classes go with each split, unless they are the digits 0 to 9.

    Raises:
        GrvaeError: a class would have no image left to learn from.
    """
    for_training, for_validation = draw_validation(len(train.labels), fraction)
    if lost := set(train.labels.tolist()) - set(train.labels[for_training.numpy()].tolist()):
        raise GrvaeError(
            f"recipe.validation_fraction: got {fraction}, it leaves nothing to learn from of the "
            f"class {train.classes[min(lost)]}"
        )
    about = {} if train.classes == MNIST.classes else {"classes": list(train.classes)}
    for path, dataset, positions in (
        (data.train, train, for_training),
        (data.validation, train, for_validation),
        (data.test, test, torch.arange(len(test.labels))),
    ):
        chosen = positions.numpy()
        arrays = {"images": dataset.images[chosen], "labels": dataset.labels[chosen]}
        save_arrays(path, arrays | {"positions": chosen}, about)
