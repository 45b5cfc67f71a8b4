"""What the pixels of an image mean: its colours as a screen shows them, in grey.

Colours are converted strip by strip, so that a large image takes little more than Pillow's pixels.
"""

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin
from PIL.ImageFile import ImageFile

# Pixels of a strip.
_STRIP = 1 << 18
# Gamma of sRGB, which screens have.
_GAMMA = 2.2
# Levels of 255 by which rounding alone may move a colour.
_ROUNDING = 2
# Pillow's mode for grey of 16 bits, and TIFF's word for grey whose white is 0.
_SIXTEEN_BITS, _WHITE_IS_ZERO = "I;16", 0
# The levels of Pillow's pixels for one level of the file, where it leaves the transparent colour
# of a PNG as the file has it.
_CLEAR = {"L;2": 85, "L;4": 17, "RGB;16B": 1 / 256}


def mended(image: ImageFile) -> Image.Image:
    """An image with its pixels, and with what Pillow leaves as the file has it put right.

    That is the transparent colour of some PNG, and grey of more than 8 bits where it does not go
    from a black 0 to a white 65535, or is no mode I;16.
    """
    stored = str(image.tile[0].args) if image.tile else ""
    image.load()
    if stored in _CLEAR and "transparency" in image.info:
        clear = (np.array(image.info["transparency"]) * _CLEAR[stored]).astype(int).tolist()
        image.info["transparency"] = tuple(clear) if image.mode == "RGB" else clear
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    white = tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) != _WHITE_IS_ZERO
    twelve = tags.get(TiffImagePlugin.BITSPERSAMPLE) == (12,)
    wide = image.mode.startswith("I;16") or (image.mode, image.format) == ("I", "PPM")
    if not wide or (image.mode == _SIXTEEN_BITS and white and not twelve):
        return image
    levels = np.empty((image.height, image.width), np.uint16)
    for rows, strip in strips(image):
        levels[rows] = np.asarray(strip)
    if twelve:
        levels <<= 4
        levels |= levels >> 12
    if not white:
        np.invert(levels, out=levels)
    mended = Image.fromarray(levels)
    mended.info = image.info
    return mended


def strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Some rows of an image at a time, and which they are."""
    step = _STRIP // image.width
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def on_grounds(strip: Image.Image) -> list[Image.Image]:
    """A strip in grey, on a black and on a white ground, or once if nothing is transparent."""
    grey = _grey(strip)
    if not strip.has_transparency_data:
        return [grey]
    if strip.mode == _SIXTEEN_BITS:  # of which Pillow would compare 8
        clear = np.asarray(strip) == strip.info["transparency"]
        opaque = Image.fromarray(np.where(clear, 0, 255).astype(np.uint8))
    else:
        opaque = strip.convert("RGBA").getchannel("A")
    return [Image.composite(grey, Image.new("L", grey.size, at), opaque) for at in (0, 255)]


def _grey(strip: Image.Image) -> Image.Image:
    """A strip in 8 bits of grey, as a screen shows its colours."""
    if strip.mode in ("1", "LA", "La"):
        strip = strip.convert("L")
    elif strip.mode in ("I", "F"):  # which have no largest value
        raise ValueError(f"PIL mode {strip.mode}; 8 or 16 bits a channel can be read")
    elif strip.mode not in ("L", "RGB", "CMYK", _SIXTEEN_BITS):
        strip = strip.convert("RGB")
    profile, gamma = strip.info.get("icc_profile"), strip.info.get("gamma")
    exponent = 1.0
    if profile and (to_srgb := _to_srgb(profile, strip.mode)):
        strip = ImageCms.applyTransform(strip, to_srgb) or strip
    elif gamma and not profile and "srgb" not in strip.info and abs(gamma * _GAMMA - 1) > 0.01:
        exponent = 1 / (gamma * _GAMMA)
    if strip.mode == _SIXTEEN_BITS:
        return Image.fromarray(_curve(1 << 16, exponent)[np.asarray(strip)])
    if exponent != 1:
        strip = strip.point(_curve(1 << 8, exponent).tolist() * len(strip.getbands()))
    return strip.convert("L")


@lru_cache(16)
def _curve(levels: int, exponent: float) -> NDArray[np.uint8]:
    """What each of so many levels is in 8 bits, to the power of `exponent`."""
    return (255 * (np.arange(levels) / (levels - 1)) ** exponent).round().astype(np.uint8)


@lru_cache(16)
def _to_srgb(profile: bytes, mode: str) -> Any | None:
    """What converts the colours of a profile to sRGB; None if it is sRGB or does not fit.

    Profiles of linear light are called sRGB, too, so what is called that is asked for some colours.
    """
    try:
        opened, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        to_srgb = ImageCms.buildTransform(opened, srgb, mode, "RGB")
        if "srgb" not in ImageCms.getProfileDescription(opened).lower():
            return to_srgb
        eight_bits = "L" if mode == _SIXTEEN_BITS else mode
        cube = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), -1).reshape(
            1, -1, 3
        )
        colours = Image.fromarray(cube).convert(eight_bits)
        shown = ImageCms.applyTransform(
            colours, ImageCms.buildTransform(opened, srgb, eight_bits, "RGB")
        )
        moved = np.asarray(shown).astype(int) - np.asarray(colours.convert("RGB"))
        return to_srgb if np.abs(moved).max() > _ROUNDING else None
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
