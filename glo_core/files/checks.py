"""Images that nothing can be learned from: of one grey all over, or equal to each other."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glo_core.files.errors import DataError, listed, printable

log = logging.getLogger(__name__)


def check_images(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    where: Path,
    names: Sequence[object],
) -> None:
    """Warns of images of one grey and of equal ones, by name.

    Args:
        pixels: (N, 28, 28), N >= 1.
        labels: (N,), which index `class_names`.
        class_names: What the classes are called.
        where: The file or folder that holds the images.
        names: What each image is called: N names.

    Raises:
        DataError: All images of a class are of one grey, or all images are equal.
    """
    first: dict[bytes, int] = {}
    hashes = (hashlib.sha256(each.tobytes()).digest() for each in pixels)  # smaller than images
    twins = [(k, first.setdefault(each, k)) for k, each in enumerate(hashes)]
    equal = [f"{names[k]} = {names[same]}" for k, same in twins if k != same]
    if len(first) == 1 and len(pixels) > 1:
        raise DataError(
            f"{printable(where)}: all {len(pixels):,} images are equal: {listed(names)}"
        )
    blank = pixels.min((1, 2)) == pixels.max((1, 2))
    seen = np.bincount(labels[~blank], minlength=len(class_names))
    for label in np.unique(labels[blank]):
        if not seen[label]:
            of_class = [names[k] for k in np.flatnonzero(labels == label).tolist()]
            raise DataError(
                f"{printable(where)}: each image of class {class_names[label]!r} is of one grey "
                f"all over: {listed(of_class)}"
            )
    for found, what in (
        ([names[k] for k in np.flatnonzero(blank).tolist()], "are of one grey all over"),
        (equal, "are equal to others"),
    ):
        if found:
            log.warning(
                "%s: %d of %d images %s: %s",
                printable(where),
                len(found),
                len(pixels),
                what,
                listed(found),
            )
