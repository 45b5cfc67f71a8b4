"""The live decoder: trained generators in HTML, where a script generates images with them.

BatchNorm is folded into the convolution before it, unless it normalises each image by itself.
Numbers are kept in half precision. All low bytes come first, then all high bytes, because the high
bytes of weights resemble each other and compress well together. Models that are equal to the last
bit are stored once.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from glo_core.data import Digits
from glo_core.generator import CONV1, CONV2, LINEARS, NORM
from glo_core.latents import fitted_gaussian
from glo_core.model import Glo
from reports.show.page import base64_of, element

LAYERS = (*LINEARS, CONV1, CONV2)
# How many directions of the content codes have a slider, and how many standard deviations it
# reaches to each side.
MOVED, SPREAD = 3, 3.0
# How many random content codes are moved to see which directions change images most.
TRIED = 32


class Shown(NamedTuple):
    """A model of the live decoder.

    Fields:
        glo: The model.
        noise: How readers are told the noise level of its training.
        own_statistics: Whether its BatchNorm normalises each image by that image's own mean and
            variance, instead of the running ones.
    """

    glo: Glo
    noise: str
    own_statistics: bool = False


def weights(glo: Glo, own_statistics: bool = False) -> dict[str, Tensor]:
    """The generator's weights by layer, with BatchNorm folded into the first convolution.

    With `own_statistics` it cannot be folded, and has its own weight and bias.
    """
    state = glo.network.state_dict()
    layers = (*LAYERS, NORM) if own_statistics else LAYERS
    if not own_statistics:
        norm: Any = glo.network[NORM]
        scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        state[f"{CONV1}.weight"] = state[f"{CONV1}.weight"] * scale[:, None, None]
        shifted = (state[f"{CONV1}.bias"] - norm.running_mean) * scale + norm.bias.detach()
        state[f"{CONV1}.bias"] = shifted
    names = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
    return {name: state[name] for name in names}


def directions(glo: Glo) -> tuple[Tensor, Tensor]:
    """The mean (D,) of the content codes, and the directions (D, D) that change images most.

    Each row is one direction, the one with the largest effect first. Its length is the codes'
    standard deviation along it, and its sign makes its largest number positive. `mean + e @
    directions` with e from N(0, 1) is a draw from the Gaussian fitted to the codes.

    In units of e, directions are the eigenvectors of the mean of JᵀJ over random codes, where J is
    how images change with e: an active subspace (Constantine, Dow & Wang 2014). J is taken over one
    standard deviation to both sides.
    """
    # In float32, the covariance of a few widely spread codes cannot be factorized.
    mean, factor = fitted_gaussian(glo.content_table.double())
    draws = torch.randn(TRIED, 1, len(mean), generator=torch.Generator().manual_seed(0)).double()
    classes = (torch.arange(TRIED) % len(glo.class_table)).repeat_interleave(len(mean))
    step = torch.eye(len(mean)).double()
    ahead, behind = (
        glo.decode(classes, (mean + (draws + way) @ factor.T).flatten(0, 1).float()).double()
        for way in (step, -step)
    )
    changes = (ahead - behind).view(TRIED, len(mean), -1)
    effect = (changes @ changes.mT).mean(0)
    axes = torch.linalg.eigh(effect).eigenvectors.flip(1).T @ factor.T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return mean.float(), (axes * largest.sign()).float()


def packed(
    methods: Mapping[str, Sequence[Shown]], images: Tensor, digits: Digits
) -> dict[str, Any]:
    """The data of the script: each method's models by its name, and images (M,) int64.

    Raises ValueError for a number that is too large for half precision.
    """
    places: dict[bytes, int] = {}
    held: dict[str, Any] = {"methods": [], "models": []}
    for name, models in methods.items():
        levels = []
        for shown in models:
            parts = numbers(shown, images)
            halves = in_halves(parts, f"{name}, {shown.noise}")
            place = places.setdefault(halves, len(places))
            if place == len(held["models"]):
                held["models"].append(sizes(parts))
            levels.append({"noise": shown.noise, "model": place})
        held["methods"].append({"name": name, "levels": levels})
    return (
        held | {"halves": base64_of(deflated(b"".join(places)))} | pictures(digits.subset(images))
    )


def numbers(shown: Shown, images: Tensor) -> dict[str, Tensor]:
    """All numbers of a model that the script needs, by their names: of images (M,) the codes."""
    glo = shown.glo
    mean, axes = directions(glo)
    tables = {"classes": glo.class_table, "content": glo.content_table[images]}
    return weights(glo, shown.own_statistics) | tables | {"mean": mean, "axes": axes}


def in_halves(parts: Mapping[str, Tensor], name: str) -> bytes:
    """A model's numbers in half precision, one behind the other.

    Raises ValueError for a number that is too large for it; `name` is what the message calls the
    model.
    """
    halves = torch.cat([part.flatten() for part in parts.values()]).half()
    if not halves.isfinite().all():
        raise ValueError(
            f"{name}: a number of the model is beyond 65504, too large for half precision"
        )
    return halves.numpy().tobytes()


def sizes(parts: Mapping[str, Tensor]) -> list[tuple[str, int]]:
    """How many numbers each part of a model has, in the order of `in_halves`."""
    return [(name, part.numel()) for name, part in parts.items()]


def deflated(halves: bytes, level: int = 9) -> bytes:
    """Numbers in half precision: all low bytes, then all high bytes, deflated at a level."""
    planes = np.frombuffer(halves, np.uint8).reshape(-1, 2).T.tobytes()
    return zlib.compress(planes, level)


def pictures(digits: Digits) -> dict[str, Any]:
    """Images with their classes."""
    pixels = (digits.images * 255).round().byte()
    return {
        "classes": digits.class_names,
        "labels": digits.labels.tolist(),
        "pixels": base64_of(pixels.numpy().tobytes()),
    }


def scripted(name: str, held: Mapping[str, Any]) -> str:
    """An element that a script makes of its data."""
    text = json.dumps(held, ensure_ascii=False).replace("<", "\\u003c")
    script = f'<script type="application/json">{text}</script>'
    return element(name, script + "<p>This figure needs JavaScript.</p>")


def decoder(
    methods: Mapping[str, Sequence[Shown]],
    images: Tensor,
    digits: Digits,
    *,
    start: int,
    image: int,
    target: int,
) -> str:
    """The live decoder as HTML.

    Args:
        methods: Each method's models by its name, the noise level rising. The first method is
            shown first, and one of several models has a slider over them.
        images: (M,) int64 indices of the training images that can be chosen.
        digits: The training images.
        start: The place of the model that a method of several models shows first.
        image: The place in `images` of the image that is chosen first.
        target: The class to which images are converted at first.
    """
    held = packed(methods, images, digits) | {"start": start, "image": image, "target": target}
    held |= {"moved": MOVED, "spread": SPREAD}
    return scripted("glo-decoder", held)


@torch.inference_mode()
def walks(glo: Glo, image: int, target: int, steps: int = 9) -> Tensor:
    """What the sliders do, as images for paper: (1 + MOVED, steps, 28, 28) in [0, 1].

    In the first row, an image's class code moves to that of another class. In each further row, its
    content code moves along one of the `directions`, from −SPREAD to SPREAD standard deviations.
    """
    start, content = glo.class_table[glo.labels[image]], glo.content_table[image]
    _, axes = directions(glo)
    way = torch.linspace(0, 1, steps)[:, None]
    moved = torch.linspace(-SPREAD, SPREAD, steps)[:, None]
    same = content.expand(steps, -1)
    rows = [torch.cat([torch.lerp(start, glo.class_table[target], way), same], 1)]
    rows += [
        torch.cat([start.expand(steps, -1), content + moved * axis], 1) for axis in axes[:MOVED]
    ]
    return glo.generate(torch.cat(rows)).view(1 + MOVED, steps, 28, 28)
