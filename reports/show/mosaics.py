"""Mosaics: images side by side with their names, as PIL images of whole pixels.

Images are shown as dark ink on white, as on paper.
"""

from collections.abc import Sequence
from functools import cache

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from reports import fonts

# How long a name may be, in sides of an image: of a column, where it is written upwards, of a row.
_LONGEST, _LONGEST_ROW = 3, 12


def mosaic(
    images: Tensor, rows: Sequence[str] = (), columns: Sequence[str] = (), scale: int = 2
) -> Image.Image:
    """Images in a grid, with names beside the rows and above the columns.

    `images` is (R, C, 28, 28), float in [0, 1] or uint8; each pixel becomes scale×scale pixels.
    Where a name is wider than its column, all names of columns are written upwards.
    """
    if images.dtype != torch.uint8:
        images = (images * 255).round().byte()
    height, width = images.shape[:2]
    cell, gap, size = 28 * scale, scale, 8 * scale
    beside = [_lettered(name, _LONGEST_ROW * cell, size) for name in rows]
    left = max((int(font.getlength(name)) for name, font in beside), default=-size) + size
    written = [_written(name, _LONGEST * cell, size) for name in columns]
    if any(each.width > cell for each in written):
        written = [each.rotate(90, expand=True) for each in written]
    top = max((each.height for each in written), default=0)
    canvas = Image.new(
        "L", (left + width * (cell + gap) - gap, top + height * (cell + gap) - gap), 255
    )
    draw = ImageDraw.Draw(canvas)
    for r in range(height):
        y = top + r * (cell + gap)
        if rows:
            name, font = beside[r]
            draw.text((left - size // 2, y + cell / 2), name, 0, font, anchor="rm")
        for c in range(width):
            ink = Image.fromarray(255 - images[r, c].numpy())
            canvas.paste(
                ink.resize((cell, cell), Image.Resampling.NEAREST), (left + c * (cell + gap), y)
            )
    for c, each in enumerate(written):
        canvas.paste(each, (left + c * (cell + gap) + (cell - each.width) // 2, top - each.height))
    return canvas


def in_rows(images: Tensor, columns: int) -> Tensor:
    """Images (M, 28, 28) in rows, the last row filled up with blank ones: (R, columns, 28, 28)."""
    blank = images.new_zeros(-len(images) % columns, 28, 28)
    return torch.cat([images, blank]).view(-1, columns, 28, 28)


def stack(pictures: Sequence[Image.Image], names: Sequence[str], columns: int) -> Image.Image:
    """Equally large pictures in rows of `columns`, each with its name below: a film strip."""
    width, height = pictures[0].size
    size = max(columns * width // 57, 13)  # about 8 points where the strip is as wide as a page
    font, gap, band = _font(size), size, 2 * size
    rows = -(-len(pictures) // columns)
    canvas = Image.new(
        "L", (columns * (width + gap) - gap, rows * (height + band + gap) - gap), 255
    )
    draw = ImageDraw.Draw(canvas)
    for k, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        x, y = k % columns * (width + gap), k // columns * (height + band + gap)
        canvas.paste(picture, (x, y))
        draw.text((x + width / 2, y + height + band / 2), name, 0, font, anchor="mm")
    return canvas


def _written(name: str, width: int, size: int) -> Image.Image:
    """A name as a picture with a margin, cut short where it is wider than `width` pixels."""
    name, font = _lettered(name, width, size)
    margin = round(0.35 * size)
    line = Image.new("L", (round(font.getlength(name)) + margin, round(1.7 * size)), 255)
    ImageDraw.Draw(line).text((line.width / 2, line.height / 2), name, 0, font, anchor="mm")
    return line


def _lettered(name: str, width: int, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """A name as it can be drawn, cut short where it is wider than `width` pixels, and its font."""
    path, is_laid_out = fonts.only(name), fonts.is_laid_out(name)
    name, font = fonts.drawable(name, path), _font(size, path, is_laid_out)
    if font.getlength(name) <= width:
        return name, font
    name = name[:width]  # as each letter takes more than a pixel
    while name and font.getlength(f"{name}…") > width:
        name = name[:-1]
    return f"{name}…", font


@cache
def _font(size: int, path: str = fonts.OWN, is_laid_out: bool = False) -> ImageFont.FreeTypeFont:
    # Raqm, which not every machine has, spaces other names a little differently
    layout = ImageFont.Layout.RAQM if is_laid_out else ImageFont.Layout.BASIC
    return ImageFont.truetype(path, size, layout_engine=layout)
