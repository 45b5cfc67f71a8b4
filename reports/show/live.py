"""The live decoder: trained generators in HTML, where a script generates images with them.

BatchNorm is folded into the convolution before it, and numbers are kept in half precision. All low
bytes come first, then all high bytes, because the high bytes of weights resemble each other and
compress well together. Models that are equal to the last bit are stored once.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glo_core.data import Digits
from glo_core.generator import CONV1, CONV2, LINEARS, NORM
from glo_core.latents import fitted_gaussian
from glo_core.model import Glo
from reports.show.page import base64_of, element

LAYERS = (*LINEARS, CONV1, CONV2)
# How many principal directions of the content codes have a slider, and how many standard deviations
# it reaches to each side.
MOVED, SPREAD = 3, 3.0


def weights(glo: Glo) -> dict[str, Tensor]:
    """The generator's weights by layer, with BatchNorm folded into the first convolution."""
    state = glo.network.state_dict()
    norm: Any = glo.network[NORM]
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    state[f"{CONV1}.weight"] = state[f"{CONV1}.weight"] * scale[:, None, None]
    shifted = (state[f"{CONV1}.bias"] - norm.running_mean) * scale + norm.bias.detach()
    state[f"{CONV1}.bias"] = shifted
    names = [f"{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")]
    return {name: state[name] for name in names}


def directions(content: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,) and the principal components (D, D) of content codes (N, D).

    Each row is one direction, the longest first. Its length is the codes' standard deviation along
    it, and its sign makes its largest number positive. `mean + e @ directions` with e from N(0, 1)
    is a draw from the Gaussian fitted to the codes.
    """
    # In float32, the covariance of a few widely spread codes cannot be factorized.
    mean, factor = fitted_gaussian(content.double())
    rows, lengths, _ = torch.linalg.svd(factor)
    axes = (rows * lengths).T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean.float(), (axes * largest.sign()).float()


def packed(models: Mapping[str, Glo], images: Tensor, digits: Digits) -> dict[str, Any]:
    """The data of the script: `models` by the name of their noise level, and images (M,) int64.

    Raises ValueError for a number that is too large for half precision.
    """
    places: dict[bytes, int] = {}
    sigmas, parts = [], dict[str, Tensor]()
    for name, glo in models.items():
        mean, axes = directions(glo.content_table)
        tables = {"classes": glo.class_table, "content": glo.content_table[images]}
        parts = weights(glo) | tables | {"mean": mean, "axes": axes}
        halves = torch.cat([part.flatten() for part in parts.values()]).half()
        if not halves.isfinite().all():
            raise ValueError(
                f"σ = {name}: a number of the model is beyond 65504, too large for half precision"
            )
        place = places.setdefault(halves.numpy().tobytes(), len(places))
        sigmas.append({"name": name, "model": place})
    planes = np.frombuffer(b"".join(places), np.uint8).reshape(-1, 2).T.tobytes()
    pixels = (digits.images[images] * 255).round().byte()
    return {
        "sigmas": sigmas,
        "parts": [[name, part.numel()] for name, part in parts.items()],
        "classes": digits.class_names,
        "labels": digits.labels[images].tolist(),
        "halves": base64_of(zlib.compress(planes, 9)),
        "pixels": base64_of(pixels.numpy().tobytes()),
    }


def decoder(
    models: Mapping[str, Glo],
    images: Tensor,
    digits: Digits,
    *,
    start: int,
    image: int,
    target: int,
) -> str:
    """The live decoder as HTML.

    Args:
        models: By the name of their noise level, rising.
        images: (M,) int64 indices of the training images that can be chosen.
        digits: The training images.
        start: The place in `models` of the model that is shown first.
        image: The place in `images` of the image that is chosen first.
        target: The class to which images are converted at first.
    """
    held = packed(models, images, digits) | {"start": start, "image": image, "target": target}
    held |= {"moved": MOVED, "spread": SPREAD}
    text = json.dumps(held, ensure_ascii=False).replace("<", "\\u003c")
    script = f'<script type="application/json">{text}</script>'
    return element("glo-decoder", script + "<p>This figure needs JavaScript.</p>")


@torch.inference_mode()
def walks(glo: Glo, image: int, target: int, steps: int = 9) -> Tensor:
    """What the sliders do, as images for paper: (1 + MOVED, steps, 28, 28) in [0, 1].

    In the first row, an image's class code moves to that of another class. In each further row, its
    content code moves along one principal direction, from −SPREAD to SPREAD standard deviations.
    """
    start, content = glo.class_table[glo.labels[image]], glo.content_table[image]
    _, axes = directions(glo.content_table)
    way = torch.linspace(0, 1, steps)[:, None]
    moved = torch.linspace(-SPREAD, SPREAD, steps)[:, None]
    same = content.expand(steps, -1)
    rows = [torch.cat([torch.lerp(start, glo.class_table[target], way), same], 1)]
    rows += [
        torch.cat([start.expand(steps, -1), content + moved * axis], 1) for axis in axes[:MOVED]
    ]
    generated: Tensor = glo.network(torch.cat(rows)).view(1 + MOVED, steps, 28, 28)
    return generated
