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
from PIL import Image

from glo_core.figures import stack

# Digits need few greys, and few greys need a fraction of the bytes.
GREYS = 16
FRAME_MILLISECONDS = 400
STRIP_FRAMES = 6


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
    """One picture above a slider, as HTML that stands alone; frame `start` is shown first."""
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(png(frame)).decode()}"'
        f' alt="{escape(name)}"{"" if k == start else " hidden"}>'
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
        f'<div class="player">{images}<label>'
        f'<input type="range" min="0" max="{len(animation.frames) - 1}" value="{start}"'
        f' aria-label="frame" aria-valuetext="{name}" autocomplete="off" oninput="{move}">'
        f"<output>{name}</output></label></div>"
    )


def film_strip(animation: Animation, columns: int) -> Image.Image:
    """At most STRIP_FRAMES frames at equal steps, the first and the last among them."""
    count = min(STRIP_FRAMES, len(animation.frames))
    chosen = np.linspace(0, len(animation.frames) - 1, count).round().astype(int)
    return stack(
        [animation.frames[k] for k in chosen], [animation.names[k] for k in chosen], columns
    )


def gif(animation: Animation) -> bytes:
    """The frames as an endless GIF, each with its name above it. The last one stays longer."""
    frames = [
        np.asarray(stack([frame], [name], 1).quantize(GREYS).convert("L"))
        for frame, name in zip(animation.frames, animation.names, strict=True)
    ]
    durations = [FRAME_MILLISECONDS] * (len(frames) - 1) + [4 * FRAME_MILLISECONDS]
    return iio.imwrite("<bytes>", frames, extension=".gif", duration=durations, loop=0)


def png(picture: Image.Image) -> bytes:
    """A grey picture as a small PNG of GREYS greys."""
    file = io.BytesIO()
    picture.quantize(GREYS).save(file, "PNG", bits=4, optimize=True)
    return file.getvalue()
