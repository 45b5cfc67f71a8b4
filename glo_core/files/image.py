"""One image file as a viewer shows it, in grey.

A viewer turns it upright as its EXIF data say, converts its colours as its profile says, shows the
first frame, keeps proportions, and lays what is transparent on a ground.
"""

import math
import re
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin
from PIL.ImageFile import ImageFile

from glo_core.files.colours import mended, on_grounds, strips
from glo_core.files.errors import DataError, printable
from glo_core.files.ground import border

SIDE = 28

# Pillow's own decoders of what people have; it would start other programs for some of the rest.
_FORMATS = "PNG JPEG GIF BMP DIB WEBP TIFF AVIF ICO MPO JPEG2000 PPM QOI PCX TGA".split()
# Pixels that any file may have. More take memory, which a small damaged file must not get.
_PIXELS = 16_000_000
# Above that, pixels for each byte of the file: a photograph has about 4.
_PIXELS_A_BYTE = 5
# Bytes that a pixel takes while it is decoded, as measured, and where it takes no more than this.
_BYTES_A_PIXEL = {"WEBP": 16, "AVIF": 14, "JPEG2000": 24, "QOI": 10, "progressive": 12}
_BYTES_ELSE = 7
# Memory that a file of more than `_PIXELS` may take: this, or so many times its size.
_MEMORY, _TIMES = 400_000_000, 20
# The longest side: that of a JPEG. Pillow's filter takes memory for each pixel of a longer one.
_LONGEST = 65_535
_LFS = b"version https://git-lfs"

# What people take for an image, by how its bytes begin, and the way out.
_NO_IMAGES = {
    rb"$": "an empty file; copy or download it again",
    rb".{4}ftyp.{0,20}avi[fs]": "an AVIF image, which is damaged or which this Pillow lacks a "
    "decoder for; save it as PNG or JPEG",
    rb".{4}ftyp(he|mif1|msf1)": "a HEIC image, which needs a decoder of its own; save it as PNG "
    "or JPEG",
    rb"(\xef\xbb\xbf)?\s*<(!doctype|!--|html|head)": "a web page; download the image itself",
    rb"%PDF": "a PDF document; save its pages as PNG",
}


def seen(path: Path) -> NDArray[np.uint8] | None:
    """One image file on a black and on a white ground: (2, 28, 28) uint8; None if it is no image.

    Both are the same where nothing is transparent. What is not square is padded with the grey of
    its border. PIL's bilinear filter antialiases when it makes an image smaller.

    Raises:
        DataError: It is an image, or is called one, and cannot be read.
    """
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of odd metadata, and of sizes, which are checked here
            image = _opened(path, file)
            if image is None:
                return None
            with image:
                _check_size(image, path.stat().st_size)
                return _small(mended(image))
    except DataError:
        raise
    except Exception as error:  # PIL's decoders raise a dozen types on a damaged file
        raise DataError(
            f"{printable(path)}: expected a readable image, found: {printable(error)}"
        ) from error


def check_no_pointer(path: Path) -> None:
    """Raises DataError if a file only stands for one that Git LFS has not fetched."""
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise DataError(
                f"{printable(path)}: this is a Git LFS pointer in place of the file; "
                "`git lfs pull` in its repository fetches the file"
            )


@cache
def _known() -> tuple[list[str], set[str]]:
    """The formats that this Pillow reads, and how their files' names end."""
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    endings = Image.registered_extensions().items()
    return formats, {ending for ending, name in endings if name in formats}


def _opened(path: Path, file: BinaryIO) -> ImageFile | None:
    """An image whose pixels are still to be decoded; None if it is none, and not called one.

    Many notes begin as some image does, `BM` or `P1`: what fails as early as here is no image.
    """
    formats, suffixes = _known()
    try:
        return Image.open(file, formats=formats)
    except Exception as error:
        check_no_pointer(path)
        if path.suffix.lower() not in suffixes:
            return None
        if isinstance(error, Image.DecompressionBombError):
            raise
        file.seek(0)
        begins = file.read(40)
        kinds = (
            words
            for kind, words in _NO_IMAGES.items()
            if re.match(kind, begins, re.DOTALL | re.IGNORECASE)
        )
        what = next(kinds, f"bytes that begin with {begins[:16]!r}; replace or remove the file")
        raise DataError(
            f"{printable(path)}: expected a readable image, found no image data but {what}"
        ) from error


def _check_size(image: Image.Image, size: int) -> None:
    """Raises ValueError for more pixels than a file of `size` bytes may claim to have.

    A large JPEG is decoded at a fraction of its size at once, which takes little memory; but not a
    progressive one, whose decoder holds all of it.
    """
    kind = "progressive" if image.info.get("progressive") else image.format
    if image.width * image.height > _PIXELS and kind != "progressive":
        image.draft(None, (4 * SIDE, 4 * SIDE))
    memory = max(_MEMORY, _TIMES * size)
    most = min(_PIXELS_A_BYTE * size, memory // _BYTES_A_PIXEL.get(str(kind), _BYTES_ELSE))
    if not 1 <= min(image.size) <= max(image.size) <= _LONGEST:
        raise ValueError(
            f"{image.width}x{image.height} pixels; a side may have 1 to {_LONGEST:,}; cut the image"
        )
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    tile = tags.get(TiffImagePlugin.TILEWIDTH, 0), tags.get(TiffImagePlugin.TILELENGTH, 0)
    width, height = max(image.size, tile, key=math.prod)  # a tile may exceed its image
    if width * height > max(_PIXELS, most):
        raise ValueError(
            f"{width}x{height} pixels in a file of {size:,} bytes; at most "
            f"{max(_PIXELS, most):,} can be read; make the image smaller"
        )


def _small(image: Image.Image) -> NDArray[np.uint8]:
    """An image on a black and on a white ground, upright, in grey: (2, 28, 28) uint8."""
    grounds = np.empty((1 + image.has_transparency_data, image.height, image.width), np.uint8)
    for rows, strip in strips(image):
        grounds[:, rows] = [np.asarray(grey) for grey in on_grounds(strip)]
    small = []
    for pixels in grounds:
        grey = Image.fromarray(pixels)
        grey.info = image.info.copy()
        with suppress(Exception):  # damaged EXIF data turn nothing
            ImageOps.exif_transpose(grey, in_place=True)
        small.append(_resized(grey))
    return np.stack([small[0], small[-1]])


def _resized(grey: Image.Image) -> NDArray[np.uint8]:
    """A grey image as (28, 28) uint8: its longer side fills them, its border's grey the rest."""
    longer = max(grey.size)
    width, height = (max(1, round(SIDE * side / longer)) for side in grey.size)
    small = grey.resize((width, height), Image.Resampling.BILINEAR)
    if width == height:
        return np.asarray(small)
    square = Image.new("L", (SIDE, SIDE), int(np.median(border(np.asarray(grey)))))
    square.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(square)
