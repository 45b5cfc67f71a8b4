"""How many conversions succeed: every training image, converted to every class and judged."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from glo_core.measures.intervals import Proportion, proportion
from glo_core.measures.judge import CHUNK, predictions
from glo_core.measures.subject import Subject


def measure(subject: Subject) -> dict[str, Any]:
    """Conversion accuracy, source residue, and the accuracy by source and target class."""
    predicted, labels = judged(subject), subject.digits.labels
    return {
        "conversion": accuracy(predicted, labels),
        "conversion_matrix": matrix(predicted, labels),
        "source_residue": source_residue(predicted, labels),
    }


def judged(subject: Subject) -> Tensor:
    """The class that the judge predicts for each image's conversion to each class: (N, C) int64.

    Conversions to an image's own class are its reconstruction.
    """
    glo, judge = subject.glo, subject.judge
    found = torch.empty(len(glo.labels), len(glo.class_table), dtype=torch.int64)
    found[torch.arange(len(found)), glo.labels] = predictions(judge, subject.reconstructions)
    for to in range(found.shape[1]):
        # Each chunk is judged while its images are still in the processor's caches.
        for some in torch.nonzero(glo.labels != to)[:, 0].split(CHUNK):
            found[some, to] = predictions(judge, glo.convert(some, to))
    return found


def accuracy(predicted: Tensor, labels: Tensor) -> Proportion:
    """The proportion of conversions to other classes that are classified as their target."""
    return _of_others(predicted == torch.arange(predicted.shape[1]), labels)


def source_residue(predicted: Tensor, labels: Tensor) -> Proportion:
    """The proportion of conversions to other classes that are still classified as their source."""
    return _of_others(predicted == labels[:, None], labels)


def matrix(predicted: Tensor, labels: Tensor) -> list[list[float]]:
    """The accuracy by source (rows) and target; the diagonal holds reconstructions.

    This is no confusion matrix: every source is converted to every target, and an entry is how many
    of these succeed. A class without images has a row of NaN.
    """
    hits = (predicted == torch.arange(predicted.shape[1])).double()
    rows: list[list[float]] = [hits[labels == k].mean(0).tolist() for k in range(hits.shape[1])]
    return rows


def _of_others(cases: Tensor, labels: Tensor) -> Proportion:
    others = np.arange(cases.shape[1]) != labels.numpy()[:, None]
    return proportion(cases.numpy()[others].reshape(len(cases), -1))
