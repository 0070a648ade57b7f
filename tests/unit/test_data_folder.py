"""A folder of people's own images: every layout that is known, and every accident that is."""

import gzip
import os
import re
import struct

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from grvae.base.errors import GrvaeError
from grvae.base.layout import DataFolder
from grvae.base.storage import load_arrays
from grvae.data import sets
from grvae.data.receipt import in_words
from grvae.data.sets import load_dataset, write_splits
from stages.download import download
from tests.conftest import write_small_params


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    """The folder images/mine of a project."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "images" / "mine"
    folder.mkdir(parents=True)
    return folder


def draw(folder, pictures=10, shade=200, suffix="png", size=(20, 20)):
    """Different pictures of one shade, in a folder; a label's shade tells them apart."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        picture = Image.new("L", size, 10)
        picture.paste(shade, (4, 4, 16, 10 + number % 6))
        picture.save(folder / f"{number}.{suffix}")


def load(**options):
    return load_dataset("mine", **options)


def test_class_folders_with_a_test_split_are_read_and_brought_to_size(mine):
    for split, pictures, shade in (("train", 6, 200), ("test", 2, 210)):
        draw(mine / split / "cat", pictures, 100, "jpg", (30, 20))
        draw(mine / split / "dog", pictures, shade)
    train, test, receipt = load(side=32)
    assert (train.classes, train.images.shape) == (("cat", "dog"), (12, 32, 32))
    assert train.labels.tolist() == [0] * 6 + [1] * 6
    assert test.labels.tolist() == [0, 0, 1, 1]
    assert [train.images[train.labels == label].max() // 20 for label in (0, 1)] == [5, 10]
    assert receipt["images"] == {"train": {"cat": 6, "dog": 6}, "test": {"cat": 2, "dog": 2}}
    assert receipt["sizes"] == {"different": 2, "smallest": (20, 20), "largest": (30, 20)}
    assert receipt["polarity"] == {"light_on_dark": 16, "dark_on_light": 0}
    assert receipt["test_cut"] is None
    assert receipt["test_images_in_train"] == 2  # the cats


@pytest.mark.parametrize(
    ("train", "test", "validation"),
    [("train", "test", "valid"), ("Training", "Testing", "dev"), ("TRAIN", "eval", "Validation")],
)
def test_splits_have_their_usual_names_and_a_validation_split_is_learned_from(
    mine, train, test, validation
):
    for split in (train, test, validation):
        draw(mine / split / "a", 5)
        draw(mine / split / "b", 5)
    loaded = load()
    assert (len(loaded.train.labels), len(loaded.test.labels)) == (20, 10)


def test_without_a_test_split_a_fifth_of_each_class_is_cut_the_same_each_time(mine):
    draw(mine / "a", 10, 100)
    draw(mine / "b", 40, 200)
    train, test, receipt = load()
    assert (train.counts(), test.counts()) == ({"a": 8, "b": 32}, {"a": 2, "b": 8})
    assert receipt["test_cut"] == {"share": 0.2, "seed": 0}
    again = load()
    np.testing.assert_array_equal(train.images, again.train.images)


def test_classes_are_sorted_as_people_count_and_their_names_travel_in_the_files(mine, tmp_path):
    names = ["9", "10", "A", "a", "b2", "b10", "é", "Ж", "猫"]
    for name in reversed(names):
        draw(mine / name)
    loaded = load()
    assert loaded.receipt["classes"] == names
    write_splits(DataFolder(tmp_path / "data"), loaded.train, loaded.test, 0.1)
    for split in ("train", "validation", "test"):
        arrays, about = load_arrays(tmp_path / "data" / f"{split}.safetensors")
        assert about == {"classes": names}
        assert (arrays["images"].dtype, arrays["labels"].dtype) == (np.uint8, np.int64)


def test_name_spelt_in_two_ways_of_unicode_is_one_class(mine):
    for split, name in (("train", "e\u0301"), ("test", "\u00e9")):
        draw(mine / split / name)
        draw(mine / split / "b")
    assert load().train.classes == ("b", "é")


def test_folder_in_a_folder_and_pictures_at_any_depth_are_found(mine):
    draw(mine / "download" / "set" / "a" / "first" / "deep")
    draw(mine / "download" / "set" / "b")
    assert load().receipt["images"]["train"] == {"a": 8, "b": 8}


def test_classes_may_be_called_as_splits_are(mine):
    for name in ("car", "train", "plane"):
        draw(mine / name)
    assert load().train.classes == ("car", "plane", "train")


def test_what_cannot_be_a_picture_is_skipped_by_name(mine, tmp_path):
    draw(mine / "train" / "a", 30)
    draw(mine / "train" / "b", 30)
    (mine / "train" / ".ipynb_checkpoints").mkdir()
    (mine / "train" / "empty").mkdir()
    draw(mine / "extra" / "a")
    (mine / "train" / "a" / ".DS_Store").write_bytes(b"x")
    (mine / "train" / "a" / "Thumbs.db").write_bytes(b"x")
    (mine / "train" / "a" / "notes.txt").write_text("x")
    (mine / "train" / "a" / "zero.png").write_bytes(b"")
    whole = (mine / "train" / "a" / "5.png").read_bytes()
    (mine / "train" / "b" / "cut.png").write_bytes(whole[: len(whole) - 40])
    os.mkfifo(mine / "train" / "b" / "pipe.png")
    (tmp_path / "secret.png").write_bytes(whole)
    (mine / "train" / "b" / "out.png").symlink_to(tmp_path / "secret.png")
    (mine / "train" / "b" / "nowhere.png").symlink_to("missing.png")
    (mine / "train" / "b" / "ring").symlink_to(mine)
    (mine / "train" / "b" / "self.png").symlink_to("self.png")
    (mine / "readme.md").write_text("x")
    train, test, receipt = load()
    assert (train.counts(), test.counts()) == ({"a": 24, "b": 24}, {"a": 6, "b": 6})
    assert receipt["skipped"] == {
        "readme.md": "lies beside the folders",
        "extra": "not the name of a split",
        "train/empty": "no picture in it",
        "train/a/notes.txt": "is no image",
        "train/a/zero.png": "is no image",
        "train/b/cut.png": "broken image file",
        "train/b/pipe.png": "no file",
        "train/b/out.png": "a link to a folder, or out of this",
        "train/b/nowhere.png": "no file",
        "train/b/ring": "a link to a folder, or out of this",
        "train/b/self.png": receipt["skipped"]["train/b/self.png"],
    }
    words = "\n".join(in_words(receipt))
    assert "\n  skipped: 11\n    readme.md: lies beside the folders\n" in words


def test_links_inside_the_folder_and_to_dvc_s_cache_are_followed(mine, tmp_path):
    draw(mine / "a")
    draw(mine / "b")
    cache = tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab"
    cache.mkdir(parents=True)
    (mine / "a" / "0.png").rename(cache / "cdef")
    (mine / "a" / "0.png").symlink_to(cache / "cdef")
    (mine / "b" / "same.png").symlink_to(mine / "a" / "1.png")
    loaded = load()
    assert (loaded.train.labels.tolist() + loaded.test.labels.tolist()).count(1) == 11
    assert loaded.receipt["skipped"] == {}


def test_name_that_is_no_text_is_read_and_shown(mine):
    draw(mine / "a")
    draw(mine / "b")
    (mine / "a" / "1.png").rename(mine / "a" / os.fsdecode(b"\xff.png"))
    (mine / "a" / os.fsdecode(b"\xfe.txt")).write_text("x")
    receipt = load().receipt
    assert receipt["images"]["train"]["a"] == 8
    assert receipt["skipped"] == {"a/\\udcfe.txt": "is no image"}


def drawn(*names):
    """What draws ten pictures in each of these folders."""
    return lambda mine: [draw(mine / name) for name in names]


ACCIDENTS = {
    "nothing": (drawn(), "images/mine: holds nothing; should hold <class>/"),
    "pictures in no class": (draw, "holds pictures in no class's folder; should hold <class>/"),
    "splits without classes": (drawn("train", "test"), "no train/<class>/ in it; should hold"),
    "an archive": (
        lambda mine: (mine / "mine.zip").write_bytes(b"PK"),
        "holds an archive, which has to be unpacked",
    ),
    "one class": (drawn("a"), "got 1 class with images, should be at least 2"),
    "a class of three": (
        lambda mine: (draw(mine / "a"), draw(mine / "b", 3)),
        "got 3 of the class b, should be at least 10 images",
    ),
    "names that differ by case": (drawn("Cat", "cat"), "Cat and cat differ by case alone"),
    "another class in test": (
        drawn("train/a", "train/b", "test/a", "test/c"),
        "the test split has c, a class that train has not",
    ),
    "no class in test": (
        drawn("train/a", "train/b", "test/a"),
        "the test split has nothing of the class b; add some, or take the test split away",
    ),
    "a linked class": (
        lambda mine: (draw(mine / "a"), draw(mine.parent / "b"), (mine / "b").symlink_to("../b")),
        "images/mine/b: a link, should be the folder of a class itself",
    ),
    "a name with a line in it": (drawn("a", "b\nc"), r"got the class name 'b\\nc', should be"),
    "too many broken pictures": (
        lambda mine: (
            draw(mine / "a"),
            draw(mine / "b"),
            [(mine / "b" / f"{number}.png").write_bytes(b"") for number in range(3)],
        ),
        "3 of 20 pictures are broken; b/0.png: is no image",
    ),
}


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_accident_is_one_line_and_nothing_is_written(mine, tmp_path, accident):
    happens, message = ACCIDENTS[accident]
    happens(mine)
    write_small_params(tmp_path / "params.yaml", dataset="mine")
    result = CliRunner().invoke(
        download, ["--params=params.yaml", "--data=data", "--receipt=receipt.json"]
    )
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    [line] = result.output.splitlines()
    assert re.search(message, line), line
    assert {path.name for path in tmp_path.iterdir()} == {"images", "params.yaml"}


def table(path, images, names, header="label,"):
    rows = [f"{name},{','.join(map(str, image.ravel()))}" for name, image in zip(names, images, strict=True)]  # fmt: skip  # noqa: E501
    first = header + ",".join(f"pixel{n}" for n in range(images[0].size))
    path.write_text("\n".join([*([first] if header else []), *rows]) + "\n")


IMAGES = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
NAMES = ["3", "10"] * 10


@pytest.mark.parametrize("header", ["label,", ""])
def test_kaggle_s_table_is_read_and_its_test_table_without_labels_skipped(mine, header):
    table(mine / "train.csv", IMAGES, NAMES, header)
    (mine / "test.csv").write_text("pixel0,pixel1\n0,0\n")
    (mine / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    train, test, receipt = load()
    assert train.classes == ("3", "10") and len(train.labels) + len(test.labels) == 20
    whole = {image.tobytes() for image in IMAGES}
    assert {image.tobytes() for image in train.images} < whole
    assert receipt["skipped"] == {
        "test.csv": "has no column of labels",
        "sample_submission.csv": "its name has no split's name in it",
    }


def test_labelled_test_table_is_the_test_split_and_colours_are_read(mine):
    colours = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    table(mine / "mine_train.csv", colours, NAMES)
    table(mine / "mine-test.csv", colours[:2], NAMES[:2])
    train, test, _ = load(side=16, colours="rgb")
    np.testing.assert_array_equal(train.images, colours)
    np.testing.assert_array_equal(test.images, colours[:2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label,a,b,c,d\nx,1,2,3,256\n", "row 2 should be a label and numbers from 0 to 255"),
        ("label,a,b,c,d\nx,1,2,3,4\nx,1,2,3,-1\n", "row 3 should be"),
        ("label,a,b,c,d\nx,1,2,3,0.5\n", "row 2 should be"),
        ("label,a,b,c,d\n,1,2,3,4\n", "row 2 should be"),
        ("label,a,b,c,d\nx,1,2,3,y\n", "row 2 should be"),
        ("label,a,b\nx,1,2\n", "got 2 columns of pixels, should be a square number"),
        ("label,a\n", "no table of images"),
        ("label,a\nx,1,2,3\n", "no table of images"),
        ("\0", "holds no images to learn from"),
    ],
)
def test_what_is_no_table_of_images_is_named_with_its_row(mine, text, message):
    (mine / "train.csv").write_text(text)
    with pytest.raises(GrvaeError, match=message):
        load()


def idx(array):
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


def write_idx(mine, images=IMAGES, labels=(1, 2) * 10, split="train", pack=bytes, end=""):
    (mine / f"{split}-images-idx3-ubyte{end}").write_bytes(pack(idx(images)))
    (mine / f"{split}-labels-idx1-ubyte{end}").write_bytes(pack(idx(np.array(labels))))


@pytest.mark.parametrize(
    ("test", "pack", "end"), [("t10k", bytes, ""), ("test", gzip.compress, ".gz")]
)
def test_idx_files_are_read_gzipped_or_not(mine, test, pack, end):
    write_idx(mine, pack=pack, end=end)
    write_idx(mine, IMAGES[:2], (2, 1), test, pack, end)
    train, test, _ = load()
    np.testing.assert_array_equal(train.images, IMAGES)
    assert train.classes == ("1", "2") and test.labels.tolist() == [1, 0]


def test_emnist_is_turned_by_an_option_and_named_by_its_mapping(mine):
    write_idx(mine, IMAGES.swapaxes(1, 2), split="emnist-letters-train")
    write_idx(mine, IMAGES[:2].swapaxes(1, 2), (1, 2), split="emnist-letters-test")
    (mine / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n")
    train, _, _ = load(transposed=True)
    np.testing.assert_array_equal(train.images, IMAGES)
    assert train.classes == ("A", "B")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte", None, "has no labels, no file train-labels-idx1-ubyte or"),
        ("train-labels-idx1-ubyte", idx(np.zeros(3)), "got 3 labels of 20 images"),
        ("train-images-idx3-ubyte", b"", "no IDX file of bytes in 3 or 4 dimensions"),
        ("train-images-idx3-ubyte", idx(IMAGES)[:-1], "got 15679 bytes after its header, which"),
        ("train-images-idx3-ubyte", gzip.compress(b"", mtime=0)[:-1], "not a whole gzip file"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + bytes(12), "which says 0"),
        ("more-train-images-idx3-ubyte", b"", "of the train split, as .* is; keep one set"),
        ("a-mapping.txt", b"1\n", "should have a label and a character's code a line"),
    ],
)
def test_broken_idx_file_is_named(mine, name, content, message):
    write_idx(mine)
    (mine / name).unlink(missing_ok=True)
    if content is not None:
        (mine / name).write_bytes(content)
    with pytest.raises(GrvaeError, match=message):
        load()


def test_unknown_set_is_named_with_the_known_ones(mine):
    with pytest.raises(GrvaeError, match=r"got 'cats', images/cats is no folder; allowed: mnist, .*, mine$"):  # fmt: skip  # noqa: E501
        load_dataset("cats")


def test_folder_given_for_mnist_that_holds_something_else_is_named_for_what_it_is(mine):
    table(mine / "train.csv", IMAGES, NAMES)
    with pytest.raises(GrvaeError, match=r"The folder holds tables of pixels; images of your own "):
        load_dataset("mnist", mine)


def test_folder_that_is_not_there_is_said_not_to_be(tmp_path):
    with pytest.raises(GrvaeError, match="DATASET_FOLDER /nowhere: no such folder"):
        load_dataset("mnist", sets.Path("/nowhere"))


def test_temporary_copy_finds_what_lies_in_the_project(mine, tmp_path, monkeypatch):
    draw(tmp_path / "given" / "a")
    draw(tmp_path / "given" / "b")
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "standalone" / "tmp1"
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    assert sets.project() == tmp_path
    assert load_dataset("other", sets.Path("given")).train.classes == ("a", "b")
    with pytest.raises(GrvaeError, match=r"images/mine: not in this temporary copy.* `dvc add"):
        load_dataset("mine")


def test_validation_split_that_would_take_a_whole_class_is_refused(mine, tmp_path):
    draw(mine / "a", 10)
    draw(mine / "b", 400)
    loaded = load()
    with pytest.raises(GrvaeError, match="it leaves nothing to learn from of the class"):
        write_splits(DataFolder(tmp_path / "data"), loaded.train, loaded.test, 0.999)
