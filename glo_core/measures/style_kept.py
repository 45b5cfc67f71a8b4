"""Whether conversions are in the style of their sources: how it follows, and how much is kept."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glo_core.data import Digits
from glo_core.measures.concordance import pair_sums, standardised, standards
from glo_core.measures.correlation import correlations
from glo_core.measures.judge import predictions
from glo_core.measures.style import style
from glo_core.measures.subject import Subject

# Images of each class whose conversions are measured.
PER_CLASS = 30
# Decimals of sums.
DECIMALS = 4

# From images, (M,) int64 indices, and their target classes, (M,) int64, to (M, 28, 28) conversions.
Convert = Callable[[Tensor, Tensor], Tensor]


class Converted(NamedTuple):
    """M images, each converted to all T classes but its own.

    Fields:
        images: (M,) int64, which images of their digits they are.
        labels: (M,) int64, their classes.
        sources: (M, 5), their style.
        targets: (M, T) int64.
        styles: (M, T, 5), the conversions' style.
        succeeded: (M, T) bool, whether the judge classifies a conversion as its target.
    """

    images: Tensor
    labels: NDArray[np.int64]
    sources: NDArray[np.float64]
    targets: NDArray[np.int64]
    styles: NDArray[np.float64]
    succeeded: NDArray[np.bool_]


def measure(subject: Subject) -> dict[str, Any]:
    """How the style of training images follows into their conversions, and how much is kept.

    * `style` is a correlation for each feature (see `correlation.correlations`). Only conversions
      that the judge classifies as their target count: one that still is its source has all of its
      style, and converted nothing.
    * `style_concordance` is how much is kept (see `kept`).
    * `style_ceiling` is the same of plain reconstructions: no more can be kept by a model that
      generates its images no better than so.
    """
    found = convert_all(subject.glo.convert, subject.digits, subject.judge)
    pairs = np.indices(found.targets.shape)[0].ravel()
    styles = np.where(found.succeeded[..., None], found.styles, np.nan).reshape(len(pairs), -1)
    real = standards(subject.digits)
    reconstructed = style(subject.glo.reconstruct(found.images))
    own, of_reconstructed = (
        standardised(each, found.labels, real) for each in (found.sources, reconstructed)
    )
    return {
        "style": correlations(found.sources, found.labels, styles, pairs, found.targets.ravel()),
        "style_concordance": kept(found, subject.digits),
        "style_ceiling": _as_json(pair_sums(own, of_reconstructed[:, None])),
    }


def measure_unseen(subject: Subject) -> dict[str, Any]:
    """How much style is kept by conversions of images that the model was not trained on."""

    def convert(images: Tensor, to: Tensor) -> Tensor:
        return subject.glo.decode(to, subject.unseen_codes[images])

    found = convert_all(convert, subject.unseen, subject.judge)
    return {"held_out_style_concordance": kept(found, subject.digits)}


def convert_all(convert: Convert, digits: Digits, judge: nn.Sequential) -> Converted:
    """Converts the `converted_images` to all other classes."""
    images = converted_images(digits)
    labels = digits.labels[images]
    rows, targets = torch.nonzero(
        torch.arange(len(digits.class_names)) != labels[:, None], as_tuple=True
    )
    conversions = convert(images[rows], targets)
    shape = (len(images), len(digits.class_names) - 1)
    return Converted(
        images,
        labels.numpy(),
        style(digits.images[images]),
        targets.view(shape).numpy(),
        style(conversions).reshape(*shape, -1),
        (predictions(judge, conversions) == targets).view(shape).numpy(),
    )


def converted_images(digits: Digits) -> Tensor:
    """Which images are converted: the first PER_CLASS of every class, by class: (M,) int64."""
    labels = range(len(digits.class_names))
    return torch.cat([torch.nonzero(digits.labels == each)[:PER_CLASS, 0] for each in labels])


def kept(found: Converted, real: Digits) -> dict[str, Any]:
    """How much of their images' style conversions keep, as the sums of `concordance.pair_sums`.

    All conversions count, the same pairs for every method. One that the judge does not classify as
    its target has kept nothing: it counts as an average digit. A method that converts nothing
    therefore keeps nothing.

    Args:
        found: The conversions.
        real: Images that tell how the style of each class varies.
    """
    sources = standardised(found.sources, found.labels, standards(real))
    converted = standardised(found.styles, found.targets, standards(real))
    return _as_json(pair_sums(sources, np.where(found.succeeded[..., None], converted, 0)))


def _as_json(sums: NDArray[np.float64]) -> dict[str, Any]:
    return {"sums": sums.round(DECIMALS).tolist()}
