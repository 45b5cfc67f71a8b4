"""One image file as a viewer shows it, in grey.

A viewer turns it upright as its EXIF data say, converts its colours as its profile says, shows the
first frame, keeps proportions, and lays what is transparent on a ground.
"""

import io
import warnings
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from glo_core.files.errors import DataError, printable
from glo_core.files.ground import border

SIDE = 28

# Pillow's own decoders of what people have; it would start other programs for some of the rest.
_FORMATS = "PNG JPEG GIF BMP DIB WEBP TIFF AVIF ICO MPO JPEG2000 PPM QOI PCX TGA".split()
# Pixels that any file may have. More take memory, which a small damaged file must not get.
_PIXELS = 16_000_000
# Above that, pixels for each byte of the file: a photograph has about 4.
_PIXELS_A_BYTE = 5
# Gamma of sRGB, which screens have.
_GAMMA = 2.2
_LFS = b"version https://git-lfs"


def seen(path: Path) -> NDArray[np.uint8] | None:
    """One image file on a black and on a white ground: (2, 28, 28) uint8; None if it is no image.

    Both are the same where nothing is transparent. What is not square is padded with the grey of
    its border. PIL's bilinear filter antialiases when it makes an image smaller.

    Raises:
        DataError: It is an image, or is called one, and cannot be read.
    """
    formats, suffixes = _known()
    fault = f"{printable(path)}: expected a readable image"
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=formats) as image:
                _check_size(image, path.stat().st_size)
                return np.stack([_resized(grey) for grey in _on_grounds(image)])
    except UnidentifiedImageError as error:
        check_no_pointer(path)
        if path.suffix.lower() not in suffixes:
            return None
        raise DataError(f"{fault}, found no image data") from error
    except Exception as error:  # PIL's decoders raise a dozen types on a damaged file
        raise DataError(f"{fault}, found: {printable(error)}") from error


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


def _check_size(image: Image.Image, size: int) -> None:
    """Raises ValueError for more pixels than a file of `size` bytes may claim to have.

    A large JPEG is decoded at a fraction of its size at once, which takes little memory; but not a
    progressive one, whose decoder holds all of it.
    """
    if image.width * image.height > _PIXELS and not image.info.get("progressive"):
        image.draft(None, (4 * SIDE, 4 * SIDE))
    if image.width * image.height > max(_PIXELS, _PIXELS_A_BYTE * size):
        raise ValueError(
            f"{image.width}x{image.height} pixels in a file of {size:,} bytes; at most "
            f"{_PIXELS:,} can be read, or {_PIXELS_A_BYTE} for each byte"
        )


def _on_grounds(image: Image.Image) -> list[Image.Image]:
    """An image in grey, on a black and on a white ground."""
    image.load()
    with suppress(Exception):  # damaged EXIF data turn nothing
        ImageOps.exif_transpose(image, in_place=True)
    grey = _grey(image)
    if not image.has_transparency_data or image.mode.startswith("I"):
        return [grey, grey]
    opaque = image.convert("RGBA").getchannel("A")
    return [Image.composite(grey, Image.new("L", grey.size, at), opaque) for at in (0, 255)]


def _grey(image: Image.Image) -> Image.Image:
    """An image in 8 bits of grey, as a screen shows its colours."""
    sixteen_bits = image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM")
    if sixteen_bits:
        image = Image.fromarray((np.asarray(image) / 257).round().astype(np.uint8))
    elif image.mode.startswith(("I", "F")):  # which have no largest value
        raise ValueError(f"PIL mode {image.mode}; 8 or 16 bits a channel can be read")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    profile, gamma = image.info.get("icc_profile"), image.info.get("gamma")
    if profile and (to_srgb := _to_srgb(profile, image.mode)):
        image = ImageCms.applyTransform(image, to_srgb) or image
    elif gamma and not profile and "srgb" not in image.info and abs(gamma * _GAMMA - 1) > 0.01:
        curve = (255 * (np.arange(256) / 255) ** (1 / (gamma * _GAMMA))).round().astype(int)
        image = image.point(curve.tolist() * len(image.getbands()))
    return image.convert("L")


@lru_cache(16)
def _to_srgb(profile: bytes, mode: str) -> Any | None:
    """What converts the colours of a profile to sRGB; None if it is sRGB or does not fit."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(opened).lower():
            return None
        return ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


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
