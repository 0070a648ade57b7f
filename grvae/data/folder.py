"""People's own images: what a folder holds is found out, read, and brought to one size.

Three layouts are known, with or without one folder around all:

    train/<class>/*.png     test/<class>/*.png      or <class>/*.png without splits; any format
    train.csv               test.csv                a label and pixels in a row
    train-images-idx3-ubyte train-labels-idx1-ubyte t10k-... or test-...; gzipped or not

A validation folder is learned from, too: a validation split is cut from the train split as for
every set. What cannot be an image is skipped by name, but for hidden files; what may change the
classes is an error.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from grvae.base.errors import GrvaeError
from grvae.data.labelled import Dataset, brought_to, class_names, cut_test, labelled
from grvae.data.pictures import (
    Colours,
    PictureError,
    opaque,
    open_picture,
    picture_suffixes,
    squared,
)
from grvae.data.tables import IDX_NAME, Named, read_idx, read_table

# Source of the names: huggingface/datasets, docs/source/repository_structure.mdx.
SPLITS = {
    "train": ("train", "training", "valid", "val", "validation", "dev"),
    "test": ("test", "testing", "eval", "evaluation", "t10k"),
}
SPLIT_OF = {name: split for split, names in SPLITS.items() for name in names}
SYSTEM_FILES = ("thumbs.db", "desktop.ini", "__macosx", "icon\r")
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".rar", ".7z")
MOST_BROKEN = 0.1  # of all pictures; more, and something is wrong with all of them
NO_FOLDER = "lies beside the folders"
EXPECTED = "<class>/*.png, train/<class>/*.png and test/<class>/*.png, train.csv, or IDX files"


@dataclass
class Seen:
    """What was met on the way, for the receipt.

    Attributes:
        layout: what the folder holds, in words.
        sizes: images by width and height, before they were brought to one size.
        skipped: why a file or folder was left out, by its path.
        broken: those of them that are called like pictures.
        test_was_cut: the test split is a share of what came in one piece.
    """

    layout: str
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    skipped: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    test_was_cut: bool = False


@dataclass(frozen=True)
class Contents:
    """The layout in words, and what lies in a folder, or in the one folder in it."""

    layout: str
    folder: Path
    folders: list[Path]
    files: list[Path]


def look_into(place: Path) -> Contents:
    """Find out what a folder holds.

    Raises:
        GrvaeError: there is none, or it cannot be read.
    """
    folder, layout = place, "nothing"
    folders, files = _visible(folder)
    while len(folders) == 1 and not files and folders[0].name.lower() not in SPLIT_OF:
        inner_folders, inner_files = _visible(folders[0])
        if not inner_folders and all(map(_is_picture, inner_files)):
            break  # a class
        folder, folders, files = folders[0], inner_folders, inner_files
    if any(IDX_NAME.search(path.name) for path in files):
        layout = "IDX files"
    elif folders:
        layout = "folders of pictures"
    elif any(path.suffix.lower() == ".csv" for path in files):
        layout = "tables of pixels"
    elif any(map(_is_picture, files)):
        layout = "pictures in no class's folder"
    elif any(path.name.lower().endswith(ARCHIVES) for path in files):
        layout = "an archive, which has to be unpacked"
    return Contents(layout, folder, folders, files)


def read_folder(
    place: Path, side: int, colours: Colours, transposed: bool
) -> tuple[Dataset, Dataset, Seen]:
    """The train and the test split of a folder of images.

    Args:
        place: holds one of this module's layouts.
        side: pixels of the square that all become.
        colours: what all get.
        transposed: in IDX files, rows and columns are exchanged.

    Raises:
        GrvaeError: it holds none, or classes that cannot be learned; says what to do.
    """
    contents = look_into(place)
    seen = Seen(contents.layout)
    match contents.layout:
        case "folders of pictures":
            splits = _read_folders(contents, side, colours, seen)
        case "tables of pixels":
            tables = [path for path in contents.files if path.suffix.lower() == ".csv"]
            splits = _read_files(tables, read_table, side, colours, seen)
        case "IDX files":
            idx = [path for path in contents.files if IDX_NAME.search(path.name)]
            splits = _read_files(idx, lambda path: read_idx(path, transposed), side, colours, seen)
        case layout:
            raise GrvaeError(f"{place}: holds {layout}; should hold {EXPECTED}")
    if "train" not in splits:
        raise GrvaeError(f"{place}: holds no images to learn from; should hold {EXPECTED}")
    (images, names), test = splits["train"], splits.get("test")
    classes = class_names(names, test and test[1], place)
    train = labelled(images, names, classes)
    if test:
        return train, labelled(*test, classes), seen
    seen.test_was_cut = True
    return *cut_test(train), seen


def _read_files(
    files: list[Path],
    read: Callable[[Path], Named | None],
    side: int,
    colours: Colours,
    seen: Seen,
) -> dict[str, Named]:
    """The splits of files that hold many images each; their names say which."""
    taken: dict[str, Path] = {}
    parts: dict[str, list[Named]] = {}
    for path in files:
        words = re.split("[^a-z0-9]+", path.name.lower())
        word = next(filter(SPLIT_OF.get, words), "train" if len(files) == 1 else None)
        if word is None:
            seen.skipped[path.name] = "its name has no split's name in it"
        elif word in taken:
            raise GrvaeError(f"{path}: of the {word} split, as {taken[word].name} is; keep one set")
        else:
            taken[word] = path
    for word, path in taken.items():
        named = read(path)
        if named is None:
            seen.skipped[path.name] = "has no column of labels"
            continue
        height, width = named[0].shape[1:3]
        seen.sizes[width, height] += len(named[1])
        images = brought_to(named[0], side, colours)
        parts.setdefault(SPLIT_OF[word], []).append((images, named[1]))
    return {
        split: (
            np.concatenate([images for images, _ in named]),
            [name for _, names in named for name in names],
        )
        for split, named in parts.items()
    }


def _read_folders(contents: Contents, side: int, colours: Colours, seen: Seen) -> dict[str, Named]:
    """The splits of folders that hold a folder a class each, or of one that does."""
    root = contents.folder
    named = {path: SPLIT_OF.get(path.name.lower()) for path in contents.folders}
    splits = {path: split for path, split in named.items() if split and _visible(path)[0]}
    if "train" in splits.values():
        seen.skipped |= {shown(path.name): NO_FOLDER for path in contents.files}
        for path in named:
            if path not in splits:
                why = "holds no classes' folders" if named[path] else "not the name of a split"
                seen.skipped[shown(path.name)] = why
    elif all(named.values()):  # train/*.png, or test/<class>/*.png alone
        raise GrvaeError(f"{root}: no train/<class>/ in it; should hold {EXPECTED}")
    else:
        splits = {root: "train"}
    found: dict[str, list[tuple[str, Path]]] = {}
    for path, split in splits.items():
        found.setdefault(split, []).extend(_class_folders(path, root, seen))
    read = {
        split: _read_pictures(root, folders, side, colours, seen)
        for split, folders in found.items()
    }
    pictures = len(seen.broken) + sum(len(names) for _, names in read.values())
    if len(seen.broken) > MOST_BROKEN * pictures:
        first = seen.broken[0]
        raise GrvaeError(
            f"{root}: {len(seen.broken)} of {pictures} pictures are broken; "
            f"{first}: {seen.skipped[first]}"
        )
    return {split: named for split, named in read.items() if named[1]}


def _class_folders(folder: Path, root: Path, seen: Seen) -> Iterator[tuple[str, Path]]:
    folders, files = _visible(folder)
    seen.skipped |= {shown(path.relative_to(root)): NO_FOLDER for path in files}
    for path in folders:
        if path.is_symlink():
            raise GrvaeError(f"{shown(path)}: a link, should be the folder of a class itself")
        yield unicodedata.normalize("NFC", path.name), path


def _read_pictures(
    root: Path, folders: list[tuple[str, Path]], side: int, colours: Colours, seen: Seen
) -> Named:
    """All pictures of some classes' folders, at any depth."""
    files = [(name, path) for name, folder in folders for path in _files_below(folder, root, seen)]
    channels = () if colours == "grey" else (3,)
    images = np.empty((len(files), side, side, *channels), np.uint8)
    names: list[str] = []
    for name, path in files:
        try:
            with open_picture(path) as picture:
                images[len(names)] = squared(opaque(picture), side, colours)
                seen.sizes[picture.size] += 1
        except PictureError as error:
            place = shown(path.relative_to(root))
            seen.skipped[place] = error.reason
            if _is_picture(path):
                seen.broken.append(place)
            continue
        names.append(name)
    for name, folder in folders:
        if name not in names:
            seen.skipped[shown(folder.relative_to(root))] = "no picture in it"
    return images[: len(names)], names


def _files_below(folder: Path, root: Path, seen: Seen) -> Iterator[Path]:
    """Regular files, in the order of their names; links only to what lies in the root as well."""

    def refuse(error: OSError) -> None:
        raise GrvaeError(f"cannot read {shown(error.filename)}: {error.strerror}") from error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted([*folders, *(name for name in files if not _is_hidden(name))]):
            path = Path(place, name)
            if path.is_symlink() and (name in folders or _leads_out(path, root)):
                seen.skipped[shown(path.relative_to(root))] = "a link to a folder, or out of this"
            elif path.is_file():
                yield path
            elif name in files:
                seen.skipped[shown(path.relative_to(root))] = "no file"


def _leads_out(link: Path, root: Path) -> bool:
    """A link to DVC's cache, by which DVC may have put a file here, does not."""
    try:
        target = link.resolve()
    except (OSError, RuntimeError):  # a ring of links
        return True
    return not target.is_relative_to(root.resolve()) and target.parts[-4:-2] != ("files", "md5")


def _visible(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folders and the regular files in a folder, in the order of their names."""
    try:
        paths = sorted(path for path in folder.iterdir() if not _is_hidden(path.name))
    except OSError as error:
        raise GrvaeError(f"cannot read {shown(folder)}: {error.strerror}") from error
    return [path for path in paths if path.is_dir()], [path for path in paths if path.is_file()]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in picture_suffixes()


def shown(path: object) -> str:
    """A path as text that can be printed, even where its bytes are no text."""
    return str(path).encode("utf-8", "backslashreplace").decode()
