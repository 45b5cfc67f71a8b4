"""What the labels of IDX files mean: which occur, and what their classes are called."""

import hashlib
import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glo_core.files.errors import DataError, check_class_names, listed, printable
from glo_core.files.idx import Split

# The class names of an IDX folder, one a line: IDX files hold numbers alone.
NAMES_FILE = "classes.txt"
_LARGEST_LIST = 1_000_000

# Data sets that are known by their labels: the SHA-256 of the first hundred, and the class names.
_KNOWN_LABELS = 100
_FASHION = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
_KNOWN: dict[str, Sequence[str]] = {
    "c0c3d42d140003d09ab2e481b6fc8846cb57e949a19f2b01dcd68aea9b2e953f": _FASHION,  # training
    "5057fb8e79d3bebfff9b152d0741ff9c606d78bf884c63e64511f7eaba0b6dbc": _FASHION,  # test
}
# EMNIST's classes, by their labels. Small letters that look like capitals are merged with them.
_ALL = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MERGED = string.digits + string.ascii_uppercase + "abdefghnqrt"
_EMNIST: dict[str, Sequence[str]] = {
    "balanced": _MERGED,
    "bymerge": _MERGED,
    "byclass": _ALL,
    "letters": "?" + string.ascii_uppercase,  # which begin at 1, and hold small ones, too
}
# A label is stray if this many times as many images have the label in the middle.
_STRAY = 40
# Far beyond the others, as 255 for "unknown" is, it is if ten times as many have, or with fewer
# images than these.
_STRAY_AFAR, _FEW = 10, 5


def classes_of(
    folder: Path, kind: str, splits: Sequence[Split]
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """The labels of each split as 0 to C - 1 without gaps, and the names of the C classes.

    Only labels that occur are classes. They are called as `classes.txt` says, or as in EMNIST or
    Fashion-MNIST if it is that, or else by their numbers.

    Raises:
        DataError: A list of names that does not fit, or a label of hardly any images.
    """
    used, counts = np.unique(np.concatenate([each.labels for each in splits]), return_counts=True)
    _check_stray(splits, used, counts)
    names = _names(folder, kind, splits[0].labels, used)
    # One list of names for all splits: a class may be missing from a small one.
    return [np.searchsorted(used, each.labels) for each in splits], tuple(names)


def _check_stray(
    splits: Sequence[Split], used: NDArray[np.int64], counts: NDArray[np.int64]
) -> None:
    usual = int(np.median(counts))
    # Labels without gaps are never further from those of usual size than there are labels.
    end = used[counts >= usual].max() + len(used)
    for label, count in zip(used, counts, strict=True):
        least = max(_FEW, usual / _STRAY_AFAR) if label > end else usual / _STRAY
        if count < min(least, usual / 2):
            file = next(each.file for each in splits if label in each.labels)
            raise DataError(
                f"{printable(file)}: the label {label} has {count} of {counts.sum():,} images, "
                f"where half of the classes have {usual:,} or more; correct the label, or remove "
                "its images"
            )


def _names(
    folder: Path, kind: str, first: NDArray[np.int64], used: NDArray[np.int64]
) -> Sequence[str]:
    """The names of the labels in `used`, which rise."""
    file = folder / NAMES_FILE
    if file.exists():
        return _listed_names(file, used)
    digest = hashlib.sha256(first[:_KNOWN_LABELS].astype(np.uint8).tobytes()).hexdigest()
    known: Sequence[str] = _EMNIST.get(kind, _KNOWN.get(digest, ()))
    return [known[label] if label < len(known) else str(label) for label in used]


def _listed_names(file: Path, used: NDArray[np.int64]) -> list[str]:
    """The names in a list with a line for each label that occurs, or for each from 0 on."""
    try:
        if (size := file.stat().st_size) > _LARGEST_LIST:
            raise OSError(f"{size:,} bytes")
        text = file.read_text(encoding="utf-8-sig").rstrip()  # without empty lines at its end
        lines = [line.strip() for line in text.splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{printable(file)}: expected a readable text file, found: {error}"
        ) from error
    last = int(used[-1])
    names = [lines[label] for label in used] if len(lines) == last + 1 else lines
    if len(names) != len(used) or len({*names} - {""}) != len(used):
        from_zero = "" if len(used) == last + 1 else f" (or {last + 1}, for 0 to {last})"
        raise DataError(
            f"{printable(file)}: expected {len(used)} different class names, one a line, for the "
            f"labels {used[0]} to {last}{from_zero}, found {len(lines)} lines: {listed(lines)}"
        )
    check_class_names(names, file)
    return names
