"""Animations, each in three forms that are made from the same frames.

The forms are a player for HTML, which needs no kernel and no network but only the page's script, a
film strip for paper, and a GIF.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reports.show.mosaics import stack
from reports.show.page import base64_of, element

# These are enough to show a digit well, and take a fraction of the bytes of 256.
GREYS = 16
FRAME_MILLISECONDS = 400
# A WebP picture may be at most this many pixels high or wide.
LONGEST = 16383

# For each frame of a player, where its marks stand in a plot: (x, y) from the upper left corner, as
# proportions of the plot's width and height.
Places = Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Animation:
    """Frames of one size, each with a name such as "σ = 0.1"."""

    frames: Sequence[Image.Image]
    names: Sequence[str]

    def __post_init__(self) -> None:
        if not self.frames or len(self.frames) != len(self.names):
            raise ValueError(
                f"{len(self.frames)} frames with {len(self.names)} names: expected one or more "
                "frames with a name each"
            )
        if len(sizes := {frame.size for frame in self.frames}) > 1:
            raise ValueError(f"frames of {sorted(sizes)} pixels: expected frames of one size")


def player(
    animation: Animation, alt: str, start: int = 0, plot: str = "", places: Places = ()
) -> str:
    """One frame of the animation and a slider, as HTML; frame `start` is shown first.

    A player has a button that plays it, or a `plot`, which is HTML. Pointing at a mark of the plot
    then shows the frame that belongs to it; `places` says where each frame's marks stand.

    Raises ValueError for a plot without places for every frame.
    """
    if plot and len(places) != len(animation.frames):
        raise ValueError(
            f"{len(places)} places for {len(animation.frames)} frames: expected one for each"
        )
    name = escape(animation.names[start])
    controls = (
        f'<input type="range" min="0" max="{len(animation.frames) - 1}" value="{start}"'
        f' aria-label="{escape(alt)}" aria-valuetext="{name}" autocomplete="off">'
        f'<output aria-live="off">{name}</output>'  # screen readers hear it from the slider
    )
    if len(animation.frames) > 1 and not plot:
        controls = f'<button type="button">Play</button>{controls}'
    content = (
        (f'<div class="scroll"><div class="plot">{plot}</div></div>' if plot else "")
        + f'<div class="frames">'
        f"{_sprite(animation, f'{alt} {animation.names[start]}', start)}</div>"
        f'<div class="controls">{controls}</div>'
    )
    data = {"names": json.dumps(animation.names, ensure_ascii=False), "alt": alt}
    if plot:
        data["places"] = json.dumps([[[round(v, 4) for v in xy] for xy in each] for each in places])
    return element("glo-player", content, **data)


def _sprite(animation: Animation, alt: str, start: int) -> str:
    """All frames in one picture, of which a box shows one.

    One picture is smaller than many, because it is compressed across frames that look alike.
    """
    width, height = animation.frames[0].size
    count = len(animation.frames)
    columns = -(-count // (LONGEST // height))
    rows = -(-count // columns)
    sheet = Image.new("L", (columns * width, rows * height), 255)
    for k, frame in enumerate(animation.frames):
        sheet.paste(frame, (k % columns * width, k // columns * height))
    place = {"column": start % columns, "row": start // columns, "columns": columns, "rows": rows}
    style = ";".join(
        f"--{key}:{value}" for key, value in ({"w": width, "h": height} | place).items()
    )
    return (
        f'<div class="sprite" data-columns="{columns}" style="{style}"><img alt="{escape(alt)}"'
        f' src="data:image/webp;base64,{base64_of(webp(sheet))}"></div>'
    )


def film_strip(animation: Animation, rows: int, columns: int) -> Image.Image:
    """At most rows·columns frames at equal steps, with the first and the last frame."""
    count = min(rows * columns, len(animation.frames))
    chosen = np.linspace(0, len(animation.frames) - 1, count).round().astype(int)
    return stack(
        [animation.frames[k] for k in chosen],
        [animation.names[k] for k in chosen],
        min(columns, count),
    )


def gif(animation: Animation) -> bytes:
    """The frames as an endless GIF, each with its name below it; the last one stays longest."""
    frames = [
        _few_greys(stack([frame], [name], 1)) * (255 // (GREYS - 1))
        for frame, name in zip(animation.frames, animation.names, strict=True)
    ]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [4 * FRAME_MILLISECONDS]
    # imageio takes a list for several frames and one number for a single frame.
    duration = durations if len(frames) > 1 else FRAME_MILLISECONDS
    return iio.imwrite("<bytes>", frames, extension=".gif", duration=duration, loop=0)


def png(picture: Image.Image) -> bytes:
    """A grey picture as a small PNG of GREYS greys."""
    small = Image.fromarray(_few_greys(picture)).convert("P")
    small.putpalette([level * (255 // (GREYS - 1)) for level in range(GREYS) for _ in "RGB"])
    file = io.BytesIO()
    small.save(file, "PNG", bits=4)
    return file.getvalue()


def webp(picture: Image.Image) -> bytes:
    """A grey picture as a WebP of GREYS greys, half as large as the PNG, for browsers."""
    few = Image.fromarray(_few_greys(picture) * (255 // (GREYS - 1)))
    file = io.BytesIO()
    few.convert("RGB").save(file, "WEBP", lossless=True, quality=100, method=2)
    return file.getvalue()


def _few_greys(picture: Image.Image) -> NDArray[np.uint8]:
    """Each grey level 0..255 as the number of the nearest of GREYS equally spaced levels."""
    return np.rint(np.asarray(picture) / (255 / (GREYS - 1))).astype(np.uint8)
