"""Whether images from scratch that share a content code share a style."""

import numpy as np
import torch
from numpy.typing import NDArray

from glo_core.measures.style import FEATURES, style
from glo_core.model import Glo
from glo_core.priors import draw


def agreement(values: NDArray[np.float64]) -> float:
    """How similar in style one code's images are, as a correlation in [-1, 1].

    `values` holds features (codes, classes, F). For every feature and pair of classes, it is the
    correlation over codes; then the mean is taken. A feature that does not vary counts as 0, a
    missing value (NaN) as its mean over codes.
    """
    mean = np.nansum(values, 0) / np.maximum(np.isfinite(values).sum(0), 1)
    away = np.nan_to_num(values - mean)
    length = np.sqrt((away**2).sum(0))
    away /= np.where(length > 1e-6, length, np.inf)
    classes = values.shape[1]
    pairs = (away.sum(1) ** 2).sum(0) - (away**2).sum((0, 1))
    return float(pairs.mean() / (classes * (classes - 1)))


def scratch_agreement(glo: Glo, count: int) -> tuple[float, float]:
    """The agreement of `count` random codes' images, and that of images of different codes."""
    classes = len(glo.class_table)
    content = draw(glo.content_table, "gaussian", count).repeat_interleave(classes, 0)
    found = style(glo.decode(torch.arange(classes).repeat(count), content))
    found = found.reshape(count, classes, len(FEATURES))
    mixed = np.stack([np.roll(found[:, k], k, axis=0) for k in range(classes)], 1)
    return agreement(found), agreement(mixed)
