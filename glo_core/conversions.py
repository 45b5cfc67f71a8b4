"""How many conversions succeed: every training image, drawn with every class's code, judged."""

import numpy as np
import torch
from torch import Tensor, nn

from glo_core.intervals import Share, share
from glo_core.model import Glo
from glo_core.reading import read


def readings(glo: Glo, judge: nn.Sequential) -> Tensor:
    """The class that the judge reads in each training image's conversion to each: (N, C) int64.

    The conversion to an image's own class is its reconstruction.
    """
    images = torch.arange(len(glo.labels))
    classes = range(len(glo.class_table))
    return torch.stack([read(judge, glo.convert(images, to)) for to in classes], 1)


def success(readings: Tensor, labels: Tensor) -> Share:
    """The share of conversions to other classes that are read as their target."""
    return _of_others(readings == torch.arange(readings.shape[1]), labels)


def source_residue(readings: Tensor, labels: Tensor) -> Share:
    """The share of conversions to other classes that are still read as their source."""
    return _of_others(readings == labels[:, None], labels)


def matrix(readings: Tensor, labels: Tensor) -> list[list[float]]:
    """The share read as their target, by source (rows) and target; the diagonal: reconstructions.

    A class without images has a row of NaN.
    """
    hits = (readings == torch.arange(readings.shape[1])).double()
    rows: list[list[float]] = [hits[labels == k].mean(0).tolist() for k in range(hits.shape[1])]
    return rows


def _of_others(cases: Tensor, labels: Tensor) -> Share:
    others = np.arange(cases.shape[1]) != labels.numpy()[:, None]
    return share(cases.numpy()[others].reshape(len(cases), -1))
