"""Moving pictures, each with three faces made from the same frames.

A player for HTML (a slider, no kernel and no network needed), a film strip for paper, and a GIF.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glo_core.figures import stack

# Digits need few greys, and few greys need a fraction of the bytes.
GREYS = 16
FRAME_MILLISECONDS = 400


@dataclass(frozen=True)
class Animation:
    """Frames of one size, each with the name that tells it from the others, e.g. "σ = 0.1"."""

    frames: Sequence[Image.Image]
    names: Sequence[str]

    def __post_init__(self) -> None:
        if not self.frames or len(self.frames) != len(self.names):
            raise ValueError(
                f"{len(self.frames)} frames with {len(self.names)} names: expected one or more "
                "frames with a name each"
            )


def player(animation: Animation, start: int = 0) -> str:
    """One picture above a slider, as HTML that stands alone; frame `start` is shown first.

    On a narrow screen a picture scrolls rather than shrink below half its size.
    """
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(png(frame)).decode()}"'
        f' style="min-width:{frame.width // 2}px" alt="{escape(name)}"'
        f"{'' if k == start else ' hidden'}>"
        for k, (frame, name) in enumerate(zip(animation.frames, animation.names, strict=True))
    )
    move = (
        "const all=[...this.closest('.player').querySelectorAll('img')];"
        "all.forEach((image,k)=>{image.hidden=k!=this.value});"
        "this.setAttribute('aria-valuetext',all[this.value].alt);"
        "this.nextElementSibling.value=all[this.value].alt"
    )
    name = escape(animation.names[start])
    return (
        f'<div class="player"><div class="frames" tabindex="0">{images}</div><label>'
        f'<input type="range" min="0" max="{len(animation.frames) - 1}" value="{start}"'
        f' aria-label="frame" aria-valuetext="{name}" autocomplete="off" oninput="{move}">'
        f"<output>{name}</output></label></div>"
    )


def film_strip(animation: Animation, rows: int, columns: int) -> Image.Image:
    """At most rows·columns frames at equal steps, the first and the last among them."""
    count = min(rows * columns, len(animation.frames))
    chosen = np.linspace(0, len(animation.frames) - 1, count).round().astype(int)
    return stack(
        [animation.frames[k] for k in chosen],
        [animation.names[k] for k in chosen],
        min(columns, count),
    )


def gif(animation: Animation) -> bytes:
    """The frames as an endless GIF, each with its name below it. The last one stays longer."""
    frames = [
        _few_greys(stack([frame], [name], 1)) * (255 // (GREYS - 1))
        for frame, name in zip(animation.frames, animation.names, strict=True)
    ]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [4 * FRAME_MILLISECONDS]
    # A GIF of one frame takes one number.
    duration = durations if len(frames) > 1 else FRAME_MILLISECONDS
    return iio.imwrite("<bytes>", frames, extension=".gif", duration=duration, loop=0)


def png(picture: Image.Image) -> bytes:
    """A grey picture as a small PNG of GREYS greys."""
    small = Image.fromarray(_few_greys(picture)).convert("P")
    small.putpalette([level * (255 // (GREYS - 1)) for level in range(GREYS) for _ in "RGB"])
    file = io.BytesIO()
    small.save(file, "PNG", bits=4)
    return file.getvalue()


def _few_greys(picture: Image.Image) -> NDArray[np.uint8]:
    """Grey levels 0..255 as the nearest of GREYS equally spaced ones, numbered from black."""
    return np.rint(np.asarray(picture) / (255 / (GREYS - 1))).astype(np.uint8)
