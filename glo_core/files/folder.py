"""Folders of images, one sub folder a class."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image
from tqdm.auto import tqdm

from glo_core.files import cache, ground
from glo_core.files.checks import check_images
from glo_core.files.errors import DataError, check_class_names, listed, printable
from glo_core.files.image import SIDE, seen

log = logging.getLogger(__name__)

# What systems and archives leave behind, besides names that begin with a dot.
_SYSTEM = {"__macosx", "thumbs.db", "desktop.ini", "icon\r", "@eadir", "$recycle.bin"}
_SYSTEM |= {"lost+found", "system volume information", "__pycache__"}
_SYSTEM |= {"#recycle", "@recycle", "#snapshot", "@snapshot", "@recently-snapshot"}
# What folders of splits are called.
_PARTS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")
_SPLITS = {part + end for part in _PARTS for end in ("", "set", "_set", "-set")}
# Fewer files are read in a second; the pixels of more are kept.
KEPT_FROM = 2000
# To be raised when files are read in another way, so that pixels that were kept are not used.
_VERSION = 2


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
        DataError: No class folders but those of splits, a class without images, one with other
            folders in it, a name that can be no class's, an image that cannot be read, or images
            that are of one grey or equal.
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
    pixels, turned = _of_ink(on_grounds[is_image], path, labels, tuple(classes))
    check_images(pixels, labels, tuple(classes), path, names)
    source = f"the {len(names):,} images in the {len(classes)} class folders of {path}"
    source += f" ({ground.TURNED})" if turned else ""
    return Images(pixels, labels, tuple(classes), source)


def _root(path: Path) -> Path:
    """The folder that holds the class folders: `path`, or the only folder in it, and so on.

    Raises:
        DataError: There are no folders in it.
    """
    inner = path
    while len(inside := _folders(inner)) == 1:
        inner = inside[0]
    if len(inside) > 1 and inner != path:
        log.info("%s: the images are those in %s", printable(path), printable(inner))
        path = inner
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
    names = [folder.name for folder in folders]
    _check_depth(path, folders)
    check_class_names(names, path)
    if len(folders) < 2:
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
    for left_out, what in ((hidden, "hidden"), (strangers, "in no class folder")):
        if left_out:
            log.info("%s: left out what is %s: %s", printable(path), what, listed(left_out))
    return classes


def _check_depth(path: Path, folders: list[Path]) -> None:
    """Raises DataError if images lie deeper than in `folders`, those in `path`, or not deep enough.

    It says which folders would do in the place of `path`.
    """
    wanted = f"{printable(path)}: expected images directly in the class sub folders of one folder"
    if deeper := [each.relative_to(path) for folder in folders for each in _folders(folder)]:
        better = sorted(_with_classes(folders), key=lambda each: not _is_of_training(each))
        way_out = f"; give one that holds class folders: {listed(better)}" if better else ""
        raise DataError(f"{wanted}, found folders in these: {listed(deeper)}{way_out}")
    names = [folder.name for folder in folders]
    if len(names) > 1 and all(name.lower() in _SPLITS for name in names):
        raise DataError(
            f"{wanted}, found folders of splits, {listed(names)}, with none for classes in them; "
            "put the images of each class into a folder of its name"
        )


def _with_classes(folders: list[Path]) -> list[Path]:
    """The folders among these, or one step below, in which two or more folders hold images."""
    below = [each for folder in folders for each in _folders(folder)]
    return [
        each
        for each in [*folders, *below]
        if sum(any(map(_is_called_image, _entries(inside))) for inside in _folders(each)) > 1
    ]


def _is_called_image(path: Path) -> bool:
    return not _is_hidden(path) and path.suffix.lower() in Image.registered_extensions()


def _is_of_training(folder: Path) -> bool:
    return folder.name.lower().startswith("train")


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


def _of_ink(
    on_grounds: NDArray[np.uint8],
    path: Path,
    labels: NDArray[np.int64],
    class_names: Sequence[str],
) -> tuple[NDArray[np.uint8], bool]:
    """Images on both grounds (N, 2, 28, 28) as (N, 28, 28), and whether they were turned over.

    An image whose border is opaque has a ground of its own, though its corners may be round. Those
    without are laid on white if they are dark in the mean where they are opaque, else on black, and
    are turned over separately: their ground is ours, whatever the other images have.
    """
    black, white = on_grounds[:, 0], on_grounds[:, 1]
    opaque = 255 - (white - black)
    bare = ground.border(opaque).mean(1) < 128
    pixels, turned, also = black.copy(), False, False
    if bare.any():
        dark = black[bare].sum(dtype=int) < opaque[bare].sum(dtype=int) / 2
        turned = bool(dark) and ground.is_light(white[bare])
        log.info(
            "%s: %d images on transparent ground, which are %s in the mean, are laid on %s%s",
            printable(path),
            bare.sum(),
            *(("dark", "white") if dark else ("light", "black")),
            ", and turned over to light on dark" if turned else "",
        )
        on_paper = white[bare] if dark else black[bare]
        pixels[bare] = 255 - on_paper if turned else on_paper
    if not bare.all():
        own, classes = ~bare, labels[~bare]
        round_corners = (black != white).any((1, 2)) & own
        if round_corners.any() and ground.is_light(white[round_corners]):
            pixels[round_corners] = white[round_corners]
        parts = {f"class {class_names[k]!r}": classes == k for k in np.unique(classes)}
        pixels[own], also = ground.turn_over(pixels[own], path, parts)
    return pixels, turned or also
