"""What the report measures on one trained model, so that nothing has to be judged by eye.

* The **judge** is a classifier that never saw the models' training images. A conversion counts
  when the judge reads it as the target class.
* A **probe** is a classifier that reads the class from the content code. What it reads above the
  majority-class line is **leakage**: class information that sits where only content belongs.
"""

import math
import warnings
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from glo_core.data import Digits
from glo_core.model import PRIORS, Glo, Prior

FOLDS = 5
# Conversions and scratch digits to judge: images a class, and content codes a prior.
JUDGED_PER_CLASS, SCRATCH_DRAWS = 50, 50
# Scores closer than this count as equal.
TIE = 0.01


class Share(NamedTuple):
    """A share of cases with its 95 % Wilson interval (Wilson 1927), all in [0, 1]."""

    value: float
    low: float
    high: float


def share(hits: NDArray[np.bool_]) -> Share:
    """The share of True among (M,) independent cases, or (M, T): T cases that have much in common.

    The conversions of one image share its code, so T of them tell less than T images would. The
    interval counts as many independent cases as explain how the rows' shares scatter: M at least,
    M·T at most. Raises ValueError for no case at all.
    """
    if not hits.size:
        raise ValueError("hits is empty: a share needs at least one case")
    value, count = float(hits.mean()), float(len(hits))
    if hits.ndim == 2 and len(hits) > 1:
        scatter = float(hits.mean(1).var(ddof=1)) / len(hits)
        if scatter > 0:
            count = min(max(value * (1 - value) / scatter, len(hits)), hits.size)
    z = NormalDist().inv_cdf(0.975)
    centre = (value + z**2 / (2 * count)) / (1 + z**2 / count)
    spread = z / (1 + z**2 / count) * math.sqrt(value * (1 - value) / count + (z / count / 2) ** 2)
    return Share(value, max(0.0, centre - spread), min(1.0, centre + spread))


# --- the judge -----------------------------------------------------------------------------------


def train_judge(digits: Digits) -> Pipeline:
    """A support vector machine on 50 principal components of the pixels.

    Train it on digits that no GLO model has seen. Raises ValueError for fewer than two classes.
    """
    judge = make_pipeline(PCA(min(50, len(digits)), random_state=0), SVC(C=10))
    return judge.fit(_rows(digits.images), digits.labels.numpy())


def read_by(judge: Pipeline, pictures: Tensor) -> Tensor:
    """The class that the judge reads in each of (M, 28, 28) pictures: (M,) int64."""
    return torch.from_numpy(judge.predict(_rows(pictures)))


def conversion_hits(glo: Glo, judge: Pipeline, images: Tensor, classes: int) -> NDArray[np.bool_]:
    """Which conversions the judge reads as their target: (M, classes) bool.

    Row m converts training image `images[m]` to every class, its own (a reconstruction) included.
    """
    read = [read_by(judge, glo.convert(images, to)) == to for to in range(classes)]
    return torch.stack(read, 1).numpy()


def conversion_share(hits: NDArray[np.bool_], sources: NDArray[np.int64]) -> Share:
    """The share of hits of `conversion_hits`, conversions to an image's own class left out."""
    others = np.arange(hits.shape[1]) != sources[:, None]
    return share(hits[others].reshape(len(hits), -1))


# --- leakage -------------------------------------------------------------------------------------


def probes() -> dict[str, Pipeline]:
    """The probes, with the scaler inside so that no fold sees another's statistics."""
    mlp = MLPClassifier((100,), learning_rate_init=3e-3, max_iter=100, random_state=0)
    return {
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        "mlp": make_pipeline(StandardScaler(), mlp),
    }


def leakage(codes: Tensor, labels: Tensor, probe: Pipeline) -> Share:
    """How often the probe reads an image's class from its content code, cross-validated.

    `codes` is (N, content_dim), `labels` (N,), with at least FOLDS images of each class. Every
    image is read by a probe that was trained on the other folds. Compare with `majority`.
    """
    with warnings.catch_warnings():
        # A probe has a fixed budget: where nothing leaks there is nothing to converge to.
        warnings.simplefilter("ignore", ConvergenceWarning)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        read = cross_val_predict(probe, codes.numpy(), labels.numpy(), cv=folds)
    return share(read == labels.numpy())


def majority(labels: Tensor) -> float:
    """The accuracy of always saying the most frequent class: what chance can reach."""
    return float(labels.bincount().max() / len(labels))


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


def evaluate(glo: Glo, digits: Digits, judge: Pipeline) -> dict[str, Any]:
    """Every measure of one model, as numbers that JSON can hold.

    `fidelity` compares the reconstruction error with the least that a drawing can have which knows
    the class alone: 1 is perfect, 0 no better than that, and L1 and L2 count equally. `separation`
    is 1 where the MLP probe reads nothing from the content code, 0 where it reads everything.
    """
    everything = torch.arange(len(digits))
    classes = len(digits.class_names)
    pictures = glo.reconstruct(everything)
    medians, means = (typical(digits.images, digits.labels, of) for of in (median, torch.mean))
    l1, least_l1 = (float((p - digits.images).abs().mean()) for p in (pictures, medians))
    l2, least_l2 = (float((p - digits.images).square().mean()) for p in (pictures, means))

    some = torch.cat(
        [everything[digits.labels == label][:JUDGED_PER_CLASS] for label in range(classes)]
    )
    hits = conversion_hits(glo, judge, some, classes)
    converted = conversion_share(hits, digits.labels[some].numpy())
    leaks = {
        name: leakage(glo.content_table, digits.labels, probe) for name, probe in probes().items()
    }
    chance = majority(digits.labels)
    legible = {prior: _scratch_share(glo, judge, classes, prior) for prior in PRIORS}
    return {
        "final_loss": float(glo.history.losses[-1]),
        "reconstruction_l1": l1,
        "reconstruction_l2": l2,
        "fidelity": 1 - (l1 / least_l1 + l2 / least_l2) / 2,
        "conversion": converted,
        "leakage_linear": leaks["linear"],
        "leakage_mlp": leaks["mlp"],
        "separation": 1 - max(0.0, leaks["mlp"].value - chance) / (1 - chance),
        "sharpness": sharpness(pictures) / sharpness(digits.images),
        "variety": variety(pictures, digits.labels) / variety(digits.images, digits.labels),
        "content_moved": glo.history.moved,
        "scratch_gaussian": legible["gaussian"],
        "scratch_normal": legible["normal"],
    }


def score(measured: dict[str, Any]) -> float:
    """One number to rank models by: the harmonic mean of conversion, fidelity and separation.

    Each is at most 1, perfect; the harmonic mean is low as soon as one is, and taken as 0 where one
    is 0, useless, or below.
    """
    parts = (measured["conversion"][0], measured["fidelity"], measured["separation"])
    return 0.0 if min(parts) <= 0 else 3 / sum(1 / part for part in parts)


def _scratch_share(glo: Glo, judge: Pipeline, classes: int, prior: Prior) -> Share:
    wanted = torch.arange(classes)
    read = [
        read_by(judge, glo.scratch(wanted, prior, seed)) == wanted for seed in range(SCRATCH_DRAWS)
    ]
    return share(torch.stack(read).numpy())


def _rows(pictures: Tensor) -> NDArray[np.float32]:
    return pictures.flatten(1).numpy()
