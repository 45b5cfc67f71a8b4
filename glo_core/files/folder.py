"""Folders of images, one sub folder a class."""

import logging
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from numpy.typing import NDArray
from tqdm.auto import tqdm

from glo_core.files import cache, ground
from glo_core.files.checks import check_images
from glo_core.files.errors import DataError, check_class_name, listed, printable
from glo_core.files.image import SIDE, seen

log = logging.getLogger(__name__)

# What systems and archives leave behind, besides names that begin with a dot.
_SYSTEM = {"__macosx", "thumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin"}
_SYSTEM |= {"lost+found", "system volume information", "__pycache__"}
_SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}
# Fewer files are read in a second; the pixels of more are kept.
KEPT_FROM = 2000
# To be raised when files are read in another way, so that pixels that were kept are not used.
_VERSION = 1


class Images(NamedTuple):
    """What a folder holds, class after class.

    Fields:
        pixels: (N, 28, 28) uint8, light ink on a dark ground where the images are of ink.
        labels: (N,) int64, which index `class_names`.
        class_names: Those of the sub folders, in the order of the alphabet.
        source: A phrase that names the images.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    source: str


def read(path: Path, kept: Path) -> Images:
    """The images in the class sub folders of `path`, or of the one folder that it holds.

    What is hidden or no image is left out, which is logged.

    Args:
        path: A folder.
        kept: The folder in which the pixels of more than KEPT_FROM files are kept.

    Raises:
        DataError: No class folders, a class without images, one with other folders in it, a name
            that is not text, an image that cannot be read, or images that are of one grey or equal.
    """
    path = _root(path)
    classes = _classes(path)
    files = [file for inside in classes.values() for file in inside]
    labels = np.repeat(np.arange(len(classes)), [len(inside) for inside in classes.values()])
    on_grounds, is_image = _seen(path, files, kept)
    if not is_image.all():
        strangers = [
            f.relative_to(path) for f, good in zip(files, is_image, strict=True) if not good
        ]
        log.warning(
            "%s: left out %d of %d files, which cannot be opened as images: %s",
            printable(path),
            len(strangers),
            len(files),
            listed(strangers),
        )
    for label, (name, inside) in enumerate(classes.items()):
        if not is_image[labels == label].any():
            found = f"{len(inside)} files that are none: {listed([file.name for file in inside])}"
            raise DataError(
                f"{printable(path / name)}: expected images of this class that can be read, found "
                f"{found if inside else 'no files'}"
            )
    names = [file.relative_to(path) for file, good in zip(files, is_image, strict=True) if good]
    labels = labels[is_image]
    pixels, turned = _of_ink(on_grounds[is_image], path)
    check_images(pixels, labels, tuple(classes), path, names)
    source = f"the {len(names):,} images in the {len(classes)} class folders of {path}"
    source += f" ({ground.TURNED})" if turned else ""
    return Images(pixels, labels, tuple(classes), source)


def _root(path: Path) -> Path:
    """The folder that holds the class folders: `path`, or the only folder in it, and so on.

    Raises:
        DataError: There are no class folders, but folders for training and testing, or none at all.
    """
    inner = path
    while len(inside := _folders(inner)) == 1:
        inner = inside[0]
    if len(inside) > 1 and inner != path:
        log.info("%s: the images are those in %s", printable(path), printable(inner))
        path = inner
    deeper = [folder for folder in inside if folder.name.lower() in _SPLITS and _folders(folder)]
    if deeper:
        best = next((each for each in deeper if each.name.lower().startswith("train")), deeper[0])
        raise DataError(
            f"{printable(path)}: expected images directly in the class sub folders of one folder, "
            f"found {listed([each.name for each in deeper])} with sub folders of their own; give "
            f"{printable(best)} instead"
        )
    if not _folders(path):
        raise DataError(
            f"{printable(path)}: expected IDX files (train-images-idx3-ubyte, ...) or one sub "
            f"folder of images a class, found neither"
        )
    return path


def _folders(path: Path) -> list[Path]:
    """The folders in a folder which are not hidden."""
    return [each for each in _entries(path) if os.path.isdir(each) and not _is_hidden(each)]


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir(), key=lambda each: each.name)
    except OSError as error:
        raise DataError(f"{printable(path)}: expected a readable folder, found: {error}") from error


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _SYSTEM


def _classes(path: Path) -> dict[str, list[Path]]:
    """The files in each class folder, by its name."""
    folders = _folders(path)
    for folder in folders:
        check_class_name(folder.name, path)
    if len(folders) < 2:
        names = [folder.name for folder in folders]
        raise DataError(
            f"{printable(path)}: expected at least 2 class sub folders, found {listed(names)}"
        )
    beside = [each for each in _entries(path) if not os.path.isdir(each) or _is_hidden(each)]
    hidden = [each.name for each in beside if _is_hidden(each)]
    strangers = [each.name for each in beside if not _is_hidden(each)]
    classes = {}
    for folder in folders:
        inside = _entries(folder)
        hidden += [f"{folder.name}/{each.name}" for each in inside if _is_hidden(each)]
        classes[folder.name] = [each for each in inside if not _is_hidden(each)]
        if deeper := [each for each in classes[folder.name] if os.path.isdir(each)]:
            raise DataError(
                f"{printable(deeper[0])}: expected images directly in the class sub folders of "
                f"{printable(path)}, found a folder"
            )
    for names, what in ((hidden, "hidden"), (strangers, "in no class folder")):
        if names:
            log.info("%s: left out what is %s: %s", printable(path), what, listed(names))
    return classes


def _seen(path: Path, files: list[Path], kept: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """All files on both grounds, (F, 2, 28, 28), and which of them are images, (F,)."""
    many = len(files) > KEPT_FROM
    about = f"{_VERSION} {PIL.__version__}"
    file = cache.place(kept, path, files, about) if many else None
    arrays = cache.recall(file) if file else None
    if arrays is None:
        pixels = np.zeros((len(files), 2, SIDE, SIDE), np.uint8)
        is_image = np.zeros(len(files), np.uint8)
        for k, each in enumerate(tqdm(files, desc="reading images", unit="image", delay=1)):
            found = seen(each) if os.path.isfile(each) else None
            if found is not None:
                pixels[k], is_image[k] = found, 1
        arrays = {"pixels": pixels, "is_image": is_image}
        if file:
            cache.keep(file, arrays)
    return arrays["pixels"], arrays["is_image"].astype(bool)


def _of_ink(on_grounds: NDArray[np.uint8], path: Path) -> tuple[NDArray[np.uint8], bool]:
    """Images on both grounds (N, 2, 28, 28) as (N, 28, 28), and whether they were turned over.

    Those that are transparent are laid on white if their ink is dark in the mean, else on black,
    and are turned over separately: their ground is ours, whatever the other images have.
    """
    black, white = on_grounds[:, 0], on_grounds[:, 1]
    transparent = (black != white).any((1, 2))
    pixels, turned = black.copy(), False
    if transparent.any():
        opaque = 255 - (white[transparent] - black[transparent]).astype(int)
        dark = black[transparent].sum(dtype=int) < opaque.sum() / 2
        turned = bool(dark) and ground.is_light(white[transparent])
        log.info(
            "%s: %d transparent images of %s ink are laid on %s%s",
            printable(path),
            transparent.sum(),
            *(("dark", "white") if dark else ("light", "black")),
            ", and turned over to light on dark" if turned else "",
        )
        on_paper = white[transparent] if dark else black[transparent]
        pixels[transparent] = 255 - on_paper if turned else on_paper
    pixels[~transparent], also = ground.turn_over(pixels[~transparent], path)
    return pixels, turned or also
