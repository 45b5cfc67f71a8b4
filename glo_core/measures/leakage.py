"""Leakage: how well the class can be predicted from the content codes, measured by probes.

A **probe** is a classifier from content codes to classes. Its balanced accuracy is the measure of
**leakage**: above `chance`, there is class information in the content code. One probe cannot show
that nothing leaks, as it may be blind to the form in which the class is encoded. So there are
several, and the strongest counts. The highest of several scores is a little too high by luck, which
errs on the side of finding leakage.

Not all codes can be asked. Codes of training images may hide what a model does with a code: where
they hardly move from a random start, they are keys that the generator has learned by heart, and
tell no more of the class than the start did. And where the codes of each class were whitened with
statistics of the probed images themselves, cross-validated probes score *below* chance: the mean of
a class's other codes is minus a multiple of the code that is left out, so that probes learn to look
away from it. So the headline is on codes that were fitted to unseen images (see `fitting`), each on
its own: a generator that needs the class in its content code gets it put there.

Not all leakage is a fault: hands differ in other ways within one class than within another, so that
a code of nothing but style tells a little of the class too.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, clone
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from glo_core.measures.intervals import Proportion, corrected_interval
from glo_core.measures.raw import of_images
from glo_core.measures.subject import Subject

PROBES = ("linear", "knn", "mlp", "svm", "qda")
# Those that the codes of every model are probed with.
CHEAP = ("linear", "knn", "mlp")
FOLDS = 5
# How much of a class's covariance the quadratic probe replaces by the identity: estimates from few
# codes are rough. In 1,000 codes of the exercise's model, 0.1 finds 44 %, 0.3 finds 47 %.
RIDGE = 0.3

# The scores of one probe, one a fold: {"folds": [...]}
Scores = dict[str, list[float]]


def measure(subject: Subject) -> dict[str, Any]:
    """What the cheap probes find in training images' codes: one score a fold."""
    found = probed(subject.seen_codes, subject.seen.labels, CHEAP)
    return {f"leakage_{name}": scores for name, scores in found.items()}


class RidgeCovariance:
    """A class's covariance that has an inverse however few, or equal, its codes are."""

    covariance_: NDArray[np.float64]

    def fit(self, codes: NDArray[np.float64]) -> "RidgeCovariance":
        """Estimates it from the (M, D) codes of a class, standardised over all classes."""
        centred = codes - codes.mean(0)
        covariance = centred.T @ centred / len(codes)
        self.covariance_ = (1 - RIDGE) * covariance + RIDGE * np.eye(codes.shape[1])
        return self


def probes() -> dict[str, ClassifierMixin]:
    """One new probe of each name in PROBES, to be fitted to codes that are `standardised`.

    `linear` finds what planes separate. `knn` finds classes that form clusters of any shape, but
    weighs all dimensions of a code alike, so that many dimensions without information hide a few
    with it; and of two classes with one mean it only ever predicts the one with less variance.
    `mlp` finds what those two find, and differences of variance. `svm` finds any smooth border,
    from fewer codes than the `mlp` needs. `qda` takes each class as a Gaussian of its own, and so
    finds every difference of covariance.
    """
    # As many neighbours as the smallest fold that is accepted has to offer.
    near = KNeighborsClassifier(2 * (FOLDS - 1), weights="distance")
    # On 2000 codes, few epochs of long steps with strong weight decay are as accurate as 300 epochs
    # of short steps, in a fortieth of the time.
    net = MLPClassifier((100,), alpha=1, learning_rate_init=0.04, max_iter=6, random_state=0)
    # With C below 3 it finds less in codes of models with little leakage, above no more.
    # Of standardised codes, this is the kernel that "rbf" stands for, but as a product of matrices:
    # the same scores in half the time.
    kernel = SVC(C=10, kernel=rbf_kernel)
    gaussians = QuadraticDiscriminantAnalysis(
        solver="eigen", covariance_estimator=RidgeCovariance()
    )
    classifiers = (LogisticRegression(max_iter=500), near, net, kernel, gaussians)
    return dict(zip(PROBES, classifiers, strict=True))


def probed(codes: Tensor, labels: Tensor, names: Iterable[str] = PROBES) -> dict[str, Scores]:
    """What each probe finds in codes: its `fold_scores`. Takes and raises what `predicted` does."""
    made = probes()
    found = predicted(codes, labels, [made[name] for name in names])
    return {name: fold_scores(each, labels) for name, each in zip(names, found, strict=True)}


def strongest(found: Mapping[str, Scores]) -> str:
    """The name of the probe with the highest mean score."""
    return max(found, key=lambda name: np.mean(found[name]["folds"]))


def with_strongest(found: Mapping[str, Scores]) -> dict[str, Scores]:
    """The scores of all probes, and those of the strongest once more under its rank."""
    return {**found, "strongest": found[strongest(found)]}


def separation(scores: Scores, classes: int) -> float:
    """1 where a probe finds nothing above chance in content codes, 0 where it classifies all."""
    floor = chance(classes)
    above = max(0.0, float(np.mean(scores["folds"])) - floor)
    return 1 - above / (1 - floor)


def predicted(codes: Tensor, labels: Tensor, probes: Sequence[ClassifierMixin]) -> Tensor:
    """The class that each probe predicts for a code that it did not learn from: (P, N) int64.

    Args:
        codes: (N, D) float.
        labels: (N,) int64, with at least two classes and FOLDS images of each.
        probes: P of them. They stay unfitted; copies are fitted to the `standardised` codes outside
            of each of FOLDS seeded, stratified folds.

    Raises:
        ValueError: Too few classes or images, or codes that are not finite.
    """
    _check(codes, labels)
    found = np.empty((len(probes), len(labels)), np.int64)
    classes, copies = labels.numpy(), [clone(each) for each in probes]
    # What scikit-learn would check again for each fold of each probe takes half of the time.
    quick = sklearn.config_context(skip_parameter_validation=True, assume_finite=True)
    with warnings.catch_warnings(), quick:
        # A probe has a fixed budget: where nothing leaks there is nothing to converge to.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for learned, tested in _folds(classes.tobytes()):
            known, asked = standardised(codes[learned], codes[tested])
            for row, probe in zip(found, copies, strict=True):
                row[tested] = probe.fit(known, classes[learned]).predict(asked)
    return torch.from_numpy(found)


def standardised(learned: Tensor, tested: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes (L, D) with mean 0 and variance 1 in each number, and others (T, D) in their units."""
    scaler = StandardScaler()
    return scaler.fit_transform(learned.numpy()), scaler.transform(tested.numpy())


def fold_scores(predictions: Tensor, labels: Tensor) -> Scores:
    """A probe's balanced accuracy on codes that it was not trained on, fold by fold.

    Takes the classes that one probe `predicted` and the true ones, (N,) int64 both. Compare the
    scores with `chance`.
    """
    truth, hits = labels.numpy(), (predictions == labels).numpy()
    folds = _folds(truth.tobytes())
    return {"folds": [_balanced_accuracy(truth[fold], hits[fold]) for _, fold in folds]}


def _balanced_accuracy(labels: NDArray[np.int64], hits: NDArray[np.bool_]) -> float:
    """The mean over classes of the proportion of hits; (T,) both, and labels from 0."""
    of_class = np.bincount(labels)
    right = np.bincount(labels[hits], minlength=len(of_class))
    return float(np.mean(right[of_class > 0] / of_class[of_class > 0]))


def balanced_hits(predictions: Tensor, labels: Tensor) -> dict[str, list[float]]:
    """Which of the `predicted` classes are the true ones, (N,) both.

    Returns:
        {"images": N numbers}: 0, or for a hit the weight of the code's class (see
        `balanced_weights`), so that the mean is the balanced accuracy.
    """
    return of_images((predictions == labels) * balanced_weights(labels))


def balanced_weights(labels: Tensor) -> Tensor:
    """Weights of (N,) images, float64 with mean 1, under which each class counts the same."""
    _, of_image, counts = labels.unique(return_inverse=True, return_counts=True)
    weights: Tensor = len(labels) / (len(counts) * counts.double())
    return weights[of_image]


def leakage(codes: Tensor, labels: Tensor, probe: ClassifierMixin) -> Proportion:
    """The mean of `fold_scores`, with the interval of `corrected_interval`.

    Takes and raises what `predicted` does.
    """
    (found,) = predicted(codes, labels, [probe])
    scores = fold_scores(found, labels)["folds"]
    return corrected_interval(np.array(scores), 1 / (FOLDS - 1))


def shuffled_null(
    codes: Tensor, labels: Tensor, probe: ClassifierMixin, seed: int = 0
) -> Proportion:
    """`leakage` with shuffled labels: what this probe scores where there is nothing to find.

    One draw of the null of a permutation test (Ojala & Garriga 2010). Takes and raises what
    `leakage` does.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return leakage(codes, labels[order], probe)


def pixel_ceiling(images: Tensor, labels: Tensor) -> Proportion:
    """The MLP probe's balanced accuracy on (N, 28, 28) images themselves, to compare codes with.

    It is no strict bound: codes are learned with the labels at hand, and could hold even more.
    Takes and raises what `leakage` does otherwise.
    """
    # With 784 inputs in place of 25, a step ten times shorter has the same effect.
    probe = probes()["mlp"].set_params(learning_rate_init=0.003)
    return leakage(images.flatten(1), labels, probe)


def chance(classes: int) -> float:
    """The balanced accuracy of any prediction that does not depend on the code: 1 / `classes`."""
    return 1 / classes


@lru_cache
def _folds(labels: bytes) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Of each fold, which codes a probe learns from and which it is tested on.

    Takes int64 labels as bytes, so that they are found again: all models have the same.
    """
    classes = np.frombuffer(labels, np.int64)
    return [*StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(classes, classes)]


def _check(codes: Tensor, labels: Tensor) -> None:
    if not codes.isfinite().all():
        raise ValueError("codes hold NaN or infinity: no probe can be trained on those")
    counts = labels.unique(return_counts=True)[1]
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} classes: a probe needs at least 2")
    if (least := int(counts.min())) < FOLDS:
        raise ValueError(f"a class has {least} images: the probes' {FOLDS} folds need one each")
