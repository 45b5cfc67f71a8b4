"""Whether digits from scratch that share a content code share a hand."""

import numpy as np
import torch
from numpy.typing import NDArray

from glo_core.model import Glo
from glo_core.priors import draw
from glo_core.style import FEATURES, style


def agreement(values: NDArray[np.float64]) -> float:
    """How alike one code's digits are: features (codes, classes, F) to a correlation in [-1, 1].

    For every feature and pair of classes, the correlation over codes; then the mean. A feature that
    does not vary counts as 0, a missing value (NaN) as its mean over codes.
    """
    mean = np.nansum(values, 0) / np.maximum(np.isfinite(values).sum(0), 1)
    away = np.nan_to_num(values - mean)
    length = np.sqrt((away**2).sum(0))
    away /= np.where(length > 1e-6, length, np.inf)
    classes = values.shape[1]
    pairs = (away.sum(1) ** 2).sum(0) - (away**2).sum((0, 1))
    return float(pairs.mean() / (classes * (classes - 1)))


def scratch_agreement(glo: Glo, count: int) -> tuple[float, float]:
    """The agreement of `count` random codes' digits, and that of digits of different codes."""
    classes = len(glo.class_table)
    content = draw(glo.content_table, "gaussian", count).repeat_interleave(classes, 0)
    found = style(glo.decode(torch.arange(classes).repeat(count), content))
    found = found.reshape(count, classes, len(FEATURES))
    mixed = np.stack([np.roll(found[:, k], k, axis=0) for k in range(classes)], 1)
    return agreement(found), agreement(mixed)
