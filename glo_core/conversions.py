"""How many conversions succeed: every training image, drawn with every class's code, judged."""

import numpy as np
import torch
from torch import Tensor, nn

from glo_core.intervals import Share, share
from glo_core.model import Glo
from glo_core.reading import CHUNK, read


def readings(glo: Glo, judge: nn.Sequential, redrawn: Tensor) -> Tensor:
    """The class that the judge reads in each training image's conversion to each: (N, C) int64.

    `redrawn` holds the reconstructions, (N, 28, 28): conversions to an image's own class.
    """
    found = torch.empty(len(glo.labels), len(glo.class_table), dtype=torch.int64)
    found[torch.arange(len(found)), glo.labels] = read(judge, redrawn)
    for to in range(found.shape[1]):
        # Each chunk is read while its pictures are still in the processor's caches.
        for some in torch.nonzero(glo.labels != to)[:, 0].split(CHUNK):
            found[some, to] = read(judge, glo.convert(some, to))
    return found


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
