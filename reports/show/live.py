"""The live decoder: trained generators packed into HTML, where a script draws with them.

Packed is what the script needs and no more: BatchNorm is folded into the convolution before it, and
all numbers are halves. They are stored as all low bytes, then all high bytes, and deflated, as the
high bytes of weights resemble each other; models that are equal to the last bit are packed once.
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
# How many main directions can be moved, and by how many standard deviations.
MOVED, SPREAD = 3, 3.0


def weights(glo: Glo) -> dict[str, Tensor]:
    """The generator's weights by layer, float32, with BatchNorm in the first convolution."""
    state = glo.network.state_dict()
    norm: Any = glo.network[NORM]
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    state[f"{CONV1}.weight"] = state[f"{CONV1}.weight"] * scale[:, None, None]
    shifted = (state[f"{CONV1}.bias"] - norm.running_mean) * scale + norm.bias.detach()
    state[f"{CONV1}.bias"] = shifted
    names = [f"{layer}.{part}" for layer in LAYERS for part in ("weight", "bias")]
    return {name: state[name] for name in names}


def directions(content: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and main directions (D, D) of content codes (N, D): their principal components.

    A row each, the longest first, as long as the codes' standard deviation along it; the sign is
    such that its largest number is positive. `mean + e @ directions` with e from N(0, 1) is a draw
    from the full Gaussian fitted to the codes.
    """
    # float32 cannot factorize the covariance of a few widely spread codes.
    mean, factor = fitted_gaussian(content.double())
    rows, lengths, _ = torch.linalg.svd(factor)
    axes = (rows * lengths).T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean.float(), (axes * largest.sign()).float()


def packed(models: Mapping[str, Glo], images: Tensor, digits: Digits) -> dict[str, Any]:
    """What the script reads: `models` by the name of their noise level, and images (M,) int64.

    Raises ValueError for a number that is too large to be a half.
    """
    places: dict[bytes, int] = {}
    sigmas, parts = [], dict[str, Tensor]()
    for name, glo in models.items():
        mean, axes = directions(glo.content_table)
        tables = {"classes": glo.class_table, "content": glo.content_table[images]}
        parts = weights(glo) | tables | {"mean": mean, "axes": axes}
        halves = torch.cat([part.flatten() for part in parts.values()]).half()
        if not halves.isfinite().all():
            raise ValueError(f"σ = {name}: a number of the model is beyond 65504, too large a half")
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
    """The live decoder as HTML; it starts at a noise level's and an image's place, and a class."""
    held = packed(models, images, digits) | {"start": start, "image": image, "target": target}
    held |= {"moved": MOVED, "spread": SPREAD}
    text = json.dumps(held, ensure_ascii=False).replace("<", "\\u003c")
    script = f'<script type="application/json">{text}</script>'
    return element("glo-decoder", script + "<p>This figure needs JavaScript.</p>")


@torch.inference_mode()
def walks(glo: Glo, image: int, target: int, steps: int = 9) -> Tensor:
    """What can be moved, as pictures for paper: (1 + MOVED, steps, 28, 28) in [0, 1].

    First an image's class code on its way to another class's, then its content code moved along
    each of the first MOVED main directions, from −SPREAD to SPREAD standard deviations.
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
    drawn: Tensor = glo.network(torch.cat(rows)).view(1 + MOVED, steps, 28, 28)
    return drawn
