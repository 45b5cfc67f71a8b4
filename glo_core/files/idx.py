"""IDX files, in which MNIST and its kind are published: found, and parsed."""

import gzip
import logging
import math
import os
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glo_core.files.errors import DataError, listed, printable
from glo_core.files.image import SIDE, check_no_pointer

log = logging.getLogger(__name__)

# What the data sets of EMNIST are called in their files' names.
EMNIST = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")
# What file names say of the two splits, and what the splits are called.
_SPLITS = {"train": "training", "t10k": "test"}
_RANKS = {"images": 3, "labels": 1}
# How far below a folder its IDX files may lie: data/MNIST/raw.
_DEPTH = 2
# A .gz file may hold so many times its own size, or this many bytes; images have up to 10 times.
_PACKED, _SMALL = 20, 16_000_000
_GZIP = b"\x1f\x8b"


class Split(NamedTuple):
    """One pair of files: `images` (N, 28, 28) uint8, `labels` (N,) int64, N >= 1.

    `part` is "training" or "test", and `file` is that of the labels.
    """

    part: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    file: Path


def find(folder: Path) -> Path | None:
    """The folder with IDX files: `folder`, or the only one below it; None if there is none.

    Raises DataError if there are several below it.
    """
    if kinds(folder):
        return folder
    below = [folder]
    for _ in range(_DEPTH):
        below = [each for parent in below for each in _folders(parent)]
        found = [each for each in below if kinds(each)]
        if len(found) > 1:
            raise DataError(
                f"{printable(folder)}: expected IDX files of one data set, found folders of "
                f"several: {listed(found)}; give one of them"
            )
        if found:
            log.info("%s: the IDX files are those in %s", printable(folder), printable(found[0]))
            return found[0]
    return None


def _folders(folder: Path) -> list[Path]:
    try:
        entries = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
        return [each for each in entries if each.is_dir()]
    except OSError:  # what cannot be read holds nothing for us
        return []


def kinds(folder: Path) -> list[str]:
    """Which data sets lie in a folder: "" for MNIST's file names, else one of EMNIST."""
    return [
        kind
        for kind in ("", *EMNIST)
        if any(_files(folder, kind, split, part) for split in _SPLITS for part in _RANKS)
    ]


def is_whole(folder: Path) -> bool:
    """Whether all four files with MNIST's names lie in a folder."""
    return all(_files(folder, "", split, part) for split in _SPLITS for part in _RANKS)


def _files(folder: Path, kind: str, split: str, part: str) -> list[Path]:
    """The files of one part of a data set: the plain ones first.

    Some programs unpack each file into a folder of its name.
    """
    stem = f"emnist-{kind}-{split.replace('t10k', 'test')}" if kind else split
    rank = _RANKS[part]
    names = [f"{stem}-{part}{dot}idx{rank}-ubyte{gz}" for gz in ("", ".gz") for dot in "-."]
    places = [folder / place for name in names for place in (name, f"{name}/{name}")]
    return [place for place in places if os.path.isfile(place)]


def read(folder: Path) -> tuple[str, list[Split]]:
    """The data set in a folder: its kind, as `kinds` says, and its splits, training first.

    EMNIST's images lie on their sides in its files, and are put upright.

    Raises:
        DataError: Several data sets, one file of a pair, or a damaged one.
    """
    found = kinds(folder)
    if len(found) > 1:
        names = ["MNIST's names" if not kind else f"emnist-{kind}" for kind in found]
        raise DataError(
            f"{printable(folder)}: expected IDX files of one data set, found {listed(names)}; put "
            "those of one into a folder of their own"
        )
    splits = [pair for split in _SPLITS if (pair := _read_pair(folder, found[0], split))]
    if found[0]:
        log.info("%s: EMNIST's images are turned upright", printable(folder))
        splits = [each._replace(images=each.images.transpose(0, 2, 1).copy()) for each in splits]
    return found[0], splits


def _read_pair(folder: Path, kind: str, split: str) -> Split | None:
    """One split; None if neither of its files is there."""
    image_files, label_files = (_files(folder, kind, split, part) for part in _RANKS)
    if not image_files and not label_files:
        return None
    if not image_files or not label_files:
        missing, there = ("labels", "images") if image_files else ("images", "labels")
        (lone, *_) = image_files or label_files
        name = lone.name.removesuffix(".gz")
        beside = name.replace(f"{there}-idx{_RANKS[there]}", f"{missing}-idx{_RANKS[missing]}")
        raise DataError(
            f"{printable(lone)}: expected {beside} (plain or .gz) beside it, found none"
        )
    images, image_file = _read_best(image_files, _RANKS["images"])
    labels, label_file = _read_best(label_files, _RANKS["labels"])
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise DataError(
            f"{printable(image_file)}: expected images of 28x28 pixels, found {height}x{width}"
        )
    if len(images) != len(labels):
        raise DataError(
            f"{printable(label_file)}: expected {len(images)} labels, one for each image of "
            f"{image_file.name}, found {len(labels)}"
        )
    if len(images) == 0:
        raise DataError(f"{printable(image_file)}: expected at least 1 image, found 0")
    return Split(_SPLITS[split], images, labels.astype(np.int64), label_file)


def _read_best(files: list[Path], rank: int) -> tuple[NDArray[np.uint8], Path]:
    """The first of some files that can be read: a cut one may lie beside the one it was made of."""
    faults = []
    for file in files:
        try:
            array = _read(file, rank)
        except DataError as error:
            faults.append(error)
            continue
        for fault in faults:
            log.warning("%s; %s is read in its place", fault, file.name)
        return array, file
    raise faults[0]


def _read(path: Path, rank: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in one IDX file: magic, `rank` big-endian sizes, the bytes."""
    try:
        check_no_pointer(path)
        packed = _is_packed(path)
        with gzip.open(path) if packed else path.open("rb") as file:
            return _parsed(file, path, rank, packed)
    except (OSError, EOFError, zlib.error, MemoryError) as error:
        raise DataError(f"{printable(path)}: expected a readable file, found: {error}") from error


def _is_packed(path: Path) -> bool:
    """Whether a file is packed, by its first bytes: browsers unpack some and leave their names."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def _parsed(
    file: BinaryIO | gzip.GzipFile, path: Path, rank: int, packed: bool
) -> NDArray[np.uint8]:
    """What `_read` does with an open file. It reads one byte more than the header says at most."""
    start, where = 4 * (1 + rank), printable(path)
    raw = file.read(start)
    if len(raw) < start:
        raise DataError(f"{where}: expected a header of {start} bytes, found {len(raw)} in all")
    magic, *shape = (int.from_bytes(raw[at : at + 4], "big") for at in range(0, start, 4))
    expected = 0x0800 + rank  # 08: unsigned bytes; then the number of dimensions
    if magic != expected:
        raise DataError(f"{where}: expected the IDX magic number {expected}, found {magic}")
    size, length = math.prod(shape), path.stat().st_size
    if packed and size > max(_SMALL, _PACKED * length):
        raise DataError(
            f"{where}: expected at most {_PACKED} times its {length:,} bytes, found a header of "
            f"{size:,} bytes; unpack the file if you trust it"
        )
    found = length - start if not packed else size
    content = file.read(size + 1) if found == size else b""
    found = len(content) if found == size else found
    if found != size:
        fault = "truncated" if found < size else "trailing bytes"
        least = " or more" if packed and found > size else ""
        raise DataError(
            f"{where}: {fault}: expected {size} bytes after the header, found {found}{least}"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
