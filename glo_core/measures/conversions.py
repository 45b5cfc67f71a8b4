"""How many conversions succeed: training images, converted to every class and judged."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glo_core.measures.judge import CHUNK, predictions
from glo_core.measures.raw import of_rates
from glo_core.measures.subject import Subject


def measure(subject: Subject) -> dict[str, Any]:
    """Each image's conversion accuracy and source residue, and the accuracy by class.

    `conversion_matrix` has source classes as rows and targets as columns (see `matrix`).
    """
    predicted, labels = judged(subject), subject.seen.labels
    others = predicted.shape[1] - 1
    return {
        "conversion": of_rates(accuracy(predicted, labels), others),
        "conversion_matrix": matrix(predicted, labels),
        "source_residue": of_rates(source_residue(predicted, labels), others),
    }


def judged(subject: Subject) -> Tensor:
    """The class that the judge predicts for each image's conversion to each class: (M, C) int64.

    Conversions to an image's own class are its reconstruction.
    """
    glo, judge = subject.glo, subject.judge
    images, labels = subject.measured, subject.seen.labels
    found = torch.empty(len(images), len(glo.class_table), dtype=torch.int64)
    found[torch.arange(len(found)), labels] = predictions(judge, subject.reconstructions)
    for to in range(found.shape[1]):
        # Each chunk is judged while its images are still in the processor's caches.
        for some in torch.nonzero(labels != to)[:, 0].split(CHUNK):
            found[some, to] = predictions(judge, glo.convert(images[some], to))
    return found


def accuracy(predicted: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """Each image's proportion of conversions that are classified as their target: (N,) in [0, 1].

    Conversions to the image's own class do not count.
    """
    return _of_others(predicted == torch.arange(predicted.shape[1]), labels)


def source_residue(predicted: Tensor, labels: Tensor) -> NDArray[np.float64]:
    """Each image's proportion of conversions to others that are still classified as its class."""
    return _of_others(predicted == labels[:, None], labels)


def matrix(predicted: Tensor, labels: Tensor) -> list[list[float]]:
    """The accuracy by source (rows) and target; the diagonal holds reconstructions.

    This is no confusion matrix: every source is converted to every target, and an entry is how many
    of these succeed. A class without images has a row of NaN.
    """
    hits = (predicted == torch.arange(predicted.shape[1])).double()
    rows: list[list[float]] = [hits[labels == k].mean(0).tolist() for k in range(hits.shape[1])]
    return rows


def _of_others(cases: Tensor, labels: Tensor) -> NDArray[np.float64]:
    others = np.arange(cases.shape[1]) != labels.numpy()[:, None]
    rates: NDArray[np.float64] = cases.numpy()[others].reshape(len(cases), -1).mean(1)
    return rates
