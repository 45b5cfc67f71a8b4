"""idx: IDX files as people have them, where they lie, and no more of them than they say."""

import gzip
import logging
import os
from pathlib import Path

import numpy as np
import pytest
from core.image_files import (
    TEST,
    TRAIN,
    fails,
    idx,
    numbers,
    refused,
    strokes,
    unique_images,
    write_pair,
)

from glo_core.data import load

EMNIST = tuple(f"emnist-{{}}-train-{part}-ubyte" for part in ("images-idx3", "labels-idx1"))


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)


def write(folder: Path, names: tuple[str, ...], images: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(names, (images, labels), strict=True):
        (folder / name).write_bytes(idx(array))


# --- EMNIST and grounds -----------------------------------------------------------------------


def test_emnist_is_known_by_its_file_names_and_put_upright(tmp_path: Path, caplog):
    images, labels = strokes(52), np.arange(52) % 26 + 1
    names = tuple(name.format("letters") for name in EMNIST)
    write(tmp_path, names, images.transpose(0, 2, 1), labels)
    test = tuple(name.replace("train", "test") for name in names)
    write(tmp_path, test, images[:10].transpose(0, 2, 1), labels[:10])
    splits = load(str(tmp_path), 52)
    assert splits.train.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert splits.train.labels.tolist() == [*range(26)] * 2
    assert np.array_equal((splits.train.images * 255).round(), images)
    assert len(splits.judge) + len(splits.test) == 10
    upright, equal = caplog.messages
    assert upright == f"{tmp_path}: EMNIST's images are turned upright"
    assert "10 of 62 images are equal to others: test image 0 = training image 0, " in equal


@pytest.mark.parametrize(
    ("kind", "count", "some"),
    [
        ("balanced", 47, {0: "0", 10: "A", 35: "Z", 36: "a", 38: "d", 46: "t"}),
        ("bymerge", 47, {0: "0", 10: "A", 46: "t"}),
        ("byclass", 62, {9: "9", 35: "Z", 36: "a", 61: "z"}),
        ("digits", 10, {0: "0", 9: "9"}),
    ],
)
def test_the_classes_of_emnist_have_names(tmp_path, kind, count, some):
    names = tuple(name.format(kind) for name in EMNIST)
    write(tmp_path, names, strokes(2 * count), np.arange(2 * count) % count)
    found = load(str(tmp_path), 2 * count).train.class_names
    assert len({*found}) == count
    assert {label: found[label] for label in some} == some


def test_several_data_sets_in_one_folder_are_named(tmp_path: Path):
    for kind in ("letters", "digits"):
        names = tuple(name.format(kind) for name in EMNIST)
        write(tmp_path, names, strokes(20), np.arange(20) % 10)
    assert "found emnist-digits, emnist-letters; put those of one" in fails(tmp_path)


def test_the_other_file_of_a_pair_is_named_as_emnist_names_it(tmp_path: Path):
    (tmp_path / EMNIST[0].format("letters")).write_bytes(idx(strokes(3)))
    assert "expected emnist-letters-train-labels-idx1-ubyte (plain or .gz) beside it" in fails(
        tmp_path
    )


def test_idx_images_of_dark_ink_on_light_paper_are_turned_over(tmp_path: Path, caplog):
    images, labels = strokes(40), np.arange(40) % 4
    write(tmp_path, TRAIN, 255 - images[:30], labels[:30])
    write(tmp_path, TEST, 255 - images[30:], labels[30:])
    splits = load(str(tmp_path), 30)
    assert np.array_equal((splits.train.images * 255).round(), images[:30])
    assert splits.train.source.endswith(" (dark on light, turned over to light on dark)")
    assert caplog.messages == [
        f"{tmp_path}: the images are dark on light, turned over to light on dark"
    ]


def test_a_small_split_on_another_ground_is_warned_of_by_name(tmp_path: Path, caplog):
    images, labels = strokes(210), np.arange(210) % 3
    write(tmp_path, TRAIN, images[:200], labels[:200])
    write(tmp_path, TEST, 255 - images[200:], labels[200:])
    splits = load(str(tmp_path), 200)
    assert np.array_equal((splits.train.images * 255).round(), images[:200])
    line = caplog.messages[0]
    assert "of 210 images, 10 are of dark ink on a lighter ground and 200 of light ink" in line
    assert "(unlike the others: the test images)" in line
    caplog.clear()
    write(tmp_path, TEST, images[200:], labels[200:])
    load(str(tmp_path), 200)
    assert "ground" not in caplog.text


def test_images_from_which_nothing_can_be_learned_are_refused(tmp_path: Path, caplog):
    images, labels = strokes(40), np.arange(40) % 4
    images[labels == 2] = 0
    write(tmp_path, TRAIN, images, labels)
    message = fails(tmp_path)
    assert "each image of class '2' is of one grey all over: training image 2, training" in message
    write(tmp_path, TRAIN, images[[0] * 40], labels)
    assert "all 40 images are equal" in fails(tmp_path)


# --- labels -----------------------------------------------------------------------------------


def test_labels_that_do_not_occur_are_no_classes(tmp_path: Path):
    write(tmp_path, TRAIN, strokes(30), np.tile([12, 0, 3], 10))
    write(tmp_path, TEST, strokes(30, 1), np.tile([0, 3, 7], 10))
    splits = load(str(tmp_path), 3)
    assert splits.train.class_names == splits.test.class_names == ("0", "3", "7", "12")
    assert splits.train.labels.tolist() == [3, 0, 1]
    assert splits.test.labels.tolist()[:3] == [0, 1, 2]


@pytest.mark.parametrize(
    "lines", [("one", "three", "four"), ("zero", "one", "two", "three", "four")]
)
def test_a_list_names_the_labels_that_occur_or_all_from_zero_on(tmp_path: Path, lines):
    write(tmp_path, TRAIN, strokes(30), np.tile([4, 1, 3], 10))
    for end in ("", "\n", "\n\n \n"):
        (tmp_path / "classes.txt").write_text("\n".join(lines) + end, encoding="utf-8")
        assert load(str(tmp_path), 3).train.class_names == ("one", "three", "four")
    (tmp_path / "classes.txt").write_text("a\nb\nc\nd", encoding="utf-8")
    assert (
        "expected 3 different class names, one a line, for the labels 1 to 4 (or 5, for 0 to 4), "
        "found 4 lines: a, b, c, d"
    ) in fails(tmp_path)


def test_a_stray_label_is_named_with_its_count_and_file(tmp_path: Path):
    labels = np.arange(2000) % 10
    labels[77] = 255
    write(tmp_path, TRAIN, unique_images(2000), labels)
    assert fails(tmp_path) == (
        f"{tmp_path / TRAIN[1]}: the label 255 has 1 of 2,000 images, where half of the classes "
        "have 200 or more; correct the label, or remove its images"
    )


@pytest.mark.parametrize(
    ("usual", "stray"), [(10, 1), (30, 1), (30, 4), (300, 10), (300, 29), (8, 3)]
)
def test_a_stray_label_far_beyond_the_others_is_named_in_a_small_data_set_too(
    tmp_path: Path, usual: int, stray: int
):
    labels = np.concatenate([np.arange(10 * usual) % 10, np.full(stray, 255)])
    write(tmp_path, TRAIN, unique_images(len(labels)), labels)
    message = fails(tmp_path)
    assert f"the label 255 has {stray} of {len(labels):,} images, where half of the" in message
    assert f"have {usual} or more" in message


@pytest.mark.parametrize(
    ("few", "count"), [(255, 30), (255, 150), (17, 8), (10, 8)], ids=lambda value: str(value)
)
def test_a_small_class_is_no_stray_label(tmp_path: Path, few: int, count: int):
    labels = np.concatenate([np.arange(3000) % 10, np.full(count, few)])
    write(tmp_path, TRAIN, unique_images(len(labels)), labels)
    assert load(str(tmp_path), 10).train.class_names[-1] == str(few)


def test_labels_with_gaps_are_not_stray_where_all_classes_are_tiny(tmp_path: Path):
    write(tmp_path, TRAIN, unique_images(8), np.array([7, 7, 7, 90, 90, 90, 200, 200]))
    assert load(str(tmp_path), 8).train.class_names == ("7", "90", "200")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x" * 101, "expected 1 to 100 letters, found 101"),
        ("a\x07b", r"'a\x07b': expected text on one line, found control characters"),
        ("\u3164", r"'\u3164': expected 1 to 100 letters, found none that can be seen"),
        ("b\u202e", "expected letters alone, found controls of the writing direction"),
    ],
)
def test_a_line_that_no_class_can_be_called_is_refused(tmp_path: Path, line: str, words: str):
    write(tmp_path, TRAIN, strokes(20), np.arange(20) % 2)
    (tmp_path / "classes.txt").write_text(f"a\n{line}\n", encoding="utf-8")
    message = fails(tmp_path)
    assert message.startswith(f"{tmp_path / 'classes.txt'}: class name")
    assert words in message


def test_lines_that_look_alike_are_refused(tmp_path: Path):
    write(tmp_path, TRAIN, strokes(20), np.arange(20) % 2)
    (tmp_path / "classes.txt").write_text("\u00e9\ne\u0301\n", encoding="utf-8")
    assert "classes.txt: expected class names that look different, found '\\xe9' and " in fails(
        tmp_path
    )


def test_a_list_of_names_that_is_none(tmp_path: Path):
    write(tmp_path, TRAIN, strokes(20), np.arange(20) % 2)
    (tmp_path / "classes.txt").write_bytes(b"a\n" * 600_000)
    assert "expected a readable text file, found: 1,200,000 bytes" in fails(tmp_path)


# --- where files lie, and what lies there -----------------------------------------------------


@pytest.mark.parametrize("place", ["raw", "FashionMNIST/raw"])
def test_the_files_may_lie_below_the_folder(tmp_path: Path, caplog, place: str):
    write_pair(tmp_path / place, TRAIN, 20)
    splits = load(str(tmp_path), 20)
    assert numbers(splits.train) == list(range(20))
    assert str(tmp_path / place) in splits.train.source
    assert f"{tmp_path}: the IDX files are those in {tmp_path / place}" in caplog.messages


def test_each_file_may_lie_in_a_folder_of_its_name(tmp_path: Path):
    write_pair(tmp_path / "flat", TRAIN, 20)
    for name in TRAIN:
        (tmp_path / "deep" / name).mkdir(parents=True)
        (tmp_path / "flat" / name).rename(tmp_path / "deep" / name / name)
    assert numbers(load(str(tmp_path / "deep"), 20).train) == list(range(20))


@pytest.mark.parametrize("gz", [True, False])
def test_files_are_unpacked_as_they_are_and_not_as_they_are_called(tmp_path: Path, gz: bool):
    write_pair(tmp_path, TRAIN, 20, gz=gz)
    for name in TRAIN:
        packed, plain = tmp_path / f"{name}.gz", tmp_path / name
        (packed if gz else plain).rename(plain if gz else packed)
    assert numbers(load(str(tmp_path), 20).train) == list(range(20))


def test_several_data_sets_below_the_folder_are_named(tmp_path: Path):
    for place in ("FashionMNIST", "MNIST"):
        write_pair(tmp_path / place / "raw", TRAIN, 20)
    message = fails(tmp_path)
    assert f"{tmp_path / 'FashionMNIST' / 'raw'}, {tmp_path / 'MNIST' / 'raw'}" in message
    assert message.endswith("give one of them")


def test_the_whole_one_of_two_files_is_read(tmp_path: Path, caplog):
    write_pair(tmp_path, TRAIN, 20)
    write_pair(tmp_path, TRAIN, 20, gz=True)
    os.truncate(tmp_path / TRAIN[0], 5000)
    assert numbers(load(str(tmp_path), 20).train) == list(range(20))
    line = next(line for line in caplog.messages if "truncated" in line)
    assert line.startswith(f"{tmp_path / TRAIN[0]}: truncated")
    assert line.endswith(f"{TRAIN[0]}.gz is read in its place")
    os.truncate(tmp_path / f"{TRAIN[0]}.gz", 50)
    assert fails(tmp_path).startswith(f"{tmp_path / TRAIN[0]}: truncated")


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_a_pointer_of_git_lfs_says_what_fetches_the_file(tmp_path: Path, ending: str):
    write_pair(tmp_path, TRAIN, 20, gz=bool(ending))
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 340\n"
    path = tmp_path / f"{TRAIN[0]}{ending}"
    path.write_text(pointer)
    message = fails(tmp_path)
    assert message.startswith(f"{path}: this is a Git LFS pointer in place of the file")
    assert "`git lfs pull`" in message


# --- bombs ------------------------------------------------------------------------------------


def write_bomb(folder: Path, claimed: int, held: int) -> int:
    """A .gz file with that many images by its header, and really; returns its size."""
    write_pair(folder, TRAIN, 20)
    (folder / TRAIN[0]).unlink()
    path = folder / f"{TRAIN[0]}.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(idx(np.zeros((0, 28, 28)))[:4])
        file.write(b"".join(number.to_bytes(4, "big") for number in (claimed, 28, 28)))
        for _ in range(held // 1000):
            file.write(bytes(784_000))
    return path.stat().st_size


@pytest.mark.slow
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path):
    claims = {"more": 20, "as many": 100_000, "fewer": 2**32 - 1}
    sizes = {name: write_bomb(tmp_path / name, claims[name], 100_000) for name in claims}
    found = refused(*(tmp_path / name for name in claims))
    words = ("trailing bytes", "expected at most 20 times", "expected at most 20 times")
    for (message, grown), name, said in zip(found, claims, words, strict=True):
        assert message.startswith(f"{tmp_path / name / TRAIN[0]}.gz: "), message
        assert said in message
        assert grown <= 20 * sizes[name], message


def test_a_plain_file_that_claims_more_than_it_holds_is_not_read(tmp_path: Path):
    write_pair(tmp_path, TRAIN, 20)
    path = tmp_path / TRAIN[0]
    header = bytearray(path.read_bytes())
    header[4:8] = b"\xff" * 4
    path.write_bytes(header)
    assert f"expected {(2**32 - 1) * 784} bytes after the header, found 15680" in fails(tmp_path)
    os.truncate(path, 16 + 2**40)  # a sparse file of a tebibyte
    assert "trailing" not in fails(tmp_path)
    assert "truncated" in fails(tmp_path)
