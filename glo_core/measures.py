"""What the report measures on one trained model, so that nothing has to be judged by eye.

The parts have modules of their own: `reading` (what the judge sees), `conversions`, `probes`,
`style`, `reconstruction`, `priors` and `quality`. Here they become the numbers of one model:
`evaluate` for every model, `examine` for those that are compared in depth.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glo_core import conversions, quality, reading, reconstruction, style
from glo_core.data import Digits
from glo_core.encoders import encode
from glo_core.intervals import Share, share
from glo_core.model import Glo
from glo_core.priors import PRIORS, Prior, draw
from glo_core.probes import chance, leakage, probes

# Content codes from scratch, each drawn with every class, to judge how legible the digits are.
SCRATCH_DRAWS = 50
# Held-out images that a model redraws; how many of them it classifies; and digits from scratch to
# compare with as many of them.
HELD_OUT, CLASSIFIED = 300, 100
# Images a class whose conversions' style is measured.
STYLED_PER_CLASS = 30
# Scores closer than this count as equal.
TIE = 0.01


# --- pictures ------------------------------------------------------------------------------------


def sharpness(pictures: Tensor) -> float:
    """Mean absolute difference of neighbouring pixels, in grey levels' range: low is blurred."""
    down = (pictures[:, 1:] - pictures[:, :-1]).abs().mean()
    right = (pictures[:, :, 1:] - pictures[:, :, :-1]).abs().mean()
    return float(down + right) / 2


def variety(pictures: Tensor, labels: Tensor) -> float:
    """Mean variance of a pixel within a class: 0 when a class is one and the same picture."""
    return float((pictures - typical(pictures, labels, torch.mean)).square().mean())


def typical(images: Tensor, labels: Tensor, of: Callable[[Tensor, int], Tensor]) -> Tensor:
    """Each image's class drawn as one picture, (N, 28, 28), pixel by pixel.

    Of all drawings that know the class alone, the mean (`of=torch.mean`) has the least squared
    error, and the median (`of=median`) the least absolute error.
    """
    pictures = {int(label): of(images[labels == label], 0) for label in labels.unique()}
    return torch.stack([pictures[int(label)] for label in labels])


def median(images: Tensor, dim: int) -> Tensor:
    """The median along a dimension."""
    return images.median(dim).values


# --- all of it -----------------------------------------------------------------------------------


def evaluate(glo: Glo, digits: Digits, judge: nn.Sequential) -> dict[str, Any]:
    """The measures that every model gets, as numbers that JSON can hold.

    `fidelity` compares the reconstruction error with the least that a drawing can have which knows
    the class alone: 1 is perfect, 0 no better than that, and L1 and L2 count equally. `separation`
    is 1 where the MLP probe reads nothing from the content code, 0 where it reads everything.
    `content_spread` is the root mean square spread of the learned content codes.
    """
    classes, labels = len(digits.class_names), digits.labels
    pictures = glo.reconstruct(torch.arange(len(digits)))
    errors = reconstruction.errors(pictures, digits.images)
    medians, means = (typical(digits.images, labels, of) for of in (median, torch.mean))
    least_l1 = float((medians - digits.images).abs().mean())
    least_l2 = float((means - digits.images).square().mean())
    read = conversions.readings(glo, judge, pictures)
    leaks = {name: leakage(glo.content_table, labels, probe) for name, probe in probes().items()}
    floor = chance(classes)
    return {
        "final_loss": float(glo.history.losses[-1]),
        **{f"reconstruction_{name}": error for name, error in errors.items()},
        "fidelity": 1 - (errors["l1"] / least_l1 + errors["l2"] / least_l2) / 2,
        "conversion": conversions.success(read, labels),
        "conversion_matrix": conversions.matrix(read, labels),
        "source_residue": conversions.source_residue(read, labels),
        **{f"leakage_{name}": leak for name, leak in leaks.items()},
        "separation": 1 - max(0.0, leaks["mlp"].value - floor) / (1 - floor),
        "sharpness": sharpness(pictures) / sharpness(digits.images),
        "variety": variety(pictures, labels) / variety(digits.images, labels),
        "content_moved": glo.history.moved,
        "content_spread": float(glo.content_table.var(0).mean().sqrt()),
        "scratch_gaussian": scratch_share(glo, judge, "gaussian"),
        "scratch_normal": scratch_share(glo, judge, "normal"),
    }


def scratch_share(glo: Glo, judge: nn.Sequential, prior: Prior) -> Share:
    """How many digits from scratch the judge reads as the class whose code drew them."""
    wanted = torch.arange(len(glo.class_table))
    codes = draw(glo.content_table, prior, SCRATCH_DRAWS).repeat_interleave(len(wanted), 0)
    read = reading.read(judge, glo.decode(wanted.repeat(SCRATCH_DRAWS), codes))
    return share((read.view(SCRATCH_DRAWS, -1) == wanted).numpy())


def examine(glo: Glo, digits: Digits, judge: nn.Sequential, held_out: Digits) -> dict[str, Any]:
    """The measures that take longest: style kept, held-out images, and digits from scratch.

    `held_out` are images that neither the model nor the judge was trained on. They are redrawn with
    codes that are fitted to them and, where the model has an encoder, with those it reads.
    """
    held_out = held_out.subset(range(min(HELD_OUT, len(held_out))))
    codes = reconstruction.fit(glo, held_out.images, held_out.labels)
    some = held_out.subset(range(min(CLASSIFIED, len(held_out))))
    right = reconstruction.classify(glo, some.images)[0] == some.labels
    redrawn = reconstruction.errors(glo.decode(held_out.labels, codes), held_out.images)
    found: dict[str, Any] = {}
    if glo.encoder is not None:
        codes = encode(glo.encoder, held_out.images, held_out.labels, glo.recipe.content_dim)
        drawn = glo.decode(held_out.labels, codes)
        found["encoded_l1"] = float((drawn - held_out.images).abs().mean())
    return found | {
        "style": style_kept(glo, digits, judge),
        **{f"held_out_{name}": error for name, error in redrawn.items()},
        "classified": share(right.numpy()),
        "samples": {prior: sample_quality(glo, digits, judge, held_out, prior) for prior in PRIORS},
    }


def style_kept(glo: Glo, digits: Digits, judge: nn.Sequential) -> dict[str, style.Kept]:
    """How much of its source's style a conversion keeps, by feature (see `style.kept`).

    Only conversions that the judge reads as their target count: what still is its source has kept
    all of its style, and converted nothing.
    """
    classes, labels = len(digits.class_names), digits.labels
    members = [torch.nonzero(labels == label)[:STYLED_PER_CLASS, 0] for label in range(classes)]
    images = torch.cat(members)
    sources = style.style(digits.images[images])
    row, target = np.divmod(np.arange(len(images) * classes), classes)
    others = labels[images].numpy()[row] != target
    row, target = row[others], target[others]
    drawn = glo.convert(images[row], torch.from_numpy(target))
    converted = style.style(drawn)
    converted[reading.read(judge, drawn).numpy() != target] = np.nan
    return style.kept(sources, labels[images].numpy(), converted, row, target)


def sample_quality(
    glo: Glo, digits: Digits, judge: nn.Sequential, held_out: Digits, prior: Prior
) -> dict[str, Any]:
    """Digits from scratch beside as many held-out images of the same classes."""
    codes = draw(glo.content_table, prior, len(held_out))
    drawn = glo.decode(held_out.labels, codes)
    real, made = (reading.features(judge, some) for some in (held_out.images, drawn))
    density, coverage = quality.density_coverage(real, made)
    return {
        "frechet": quality.frechet(real, made),
        "density": density,
        "coverage": coverage,
        "memorised": quality.memorised(drawn, digits.images, held_out.images),
        "legible": share((reading.read(judge, drawn) == held_out.labels).numpy()),
    }


def score(measured: dict[str, Any]) -> float:
    """One number to rank models by: the harmonic mean of conversion, fidelity and separation.

    Each is at most 1, perfect; the harmonic mean is low as soon as one is, and taken as 0 where one
    is 0, useless, or below.
    """
    parts = (measured["conversion"][0], measured["fidelity"], measured["separation"])
    return 0.0 if min(parts) <= 0 else 3 / sum(1 / part for part in parts)
