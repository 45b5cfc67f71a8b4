"""Leakage: how well the class can be predicted from the content codes, measured by probes.

A **probe** is a classifier from content codes to classes. Its balanced accuracy is the measure of
**leakage**: above `chance`, there is class information in the content code. One probe cannot show
that nothing leaks, as it may be blind to the form in which the class is encoded; so there are
three.
"""

import warnings
from typing import Any

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from glo_core.measures.intervals import Proportion, corrected_interval
from glo_core.measures.subject import Subject

PROBES = ("linear", "knn", "mlp")
FOLDS, REPEATS = 5, 2


def measure(subject: Subject) -> dict[str, Any]:
    """The leakage that each probe finds, and separation.

    `separation` is 1 where the MLP probe finds nothing above chance in the content codes, and 0
    where it classifies all of them.
    """
    codes, labels = subject.glo.content_table, subject.digits.labels
    found = {name: leakage(codes, labels, probe) for name, probe in probes().items()}
    floor = chance(len(subject.digits.class_names))
    above = max(0.0, found["mlp"].value - floor)
    return {
        **{f"leakage_{name}": value for name, value in found.items()},
        "separation": 1 - above / (1 - floor),
    }


def probes() -> dict[str, Pipeline]:
    """One new probe of each name in PROBES, each with a scaler inside, fitted to its fold alone.

    `linear` finds what planes separate. `knn` finds classes that form clusters of any shape, but
    weighs all dimensions of a code alike, so that many dimensions without information hide a few
    with it; and of two classes with one mean it only ever predicts the one with less variance.
    `mlp` finds what those two find, and differences of variance.
    """
    # As many neighbours as the smallest fold that `leakage` accepts has to offer.
    near = KNeighborsClassifier(2 * (FOLDS - 1), weights="distance")
    # On 2000 codes, few epochs of long steps with strong weight decay are as accurate as 300 epochs
    # of short steps, in a fortieth of the time.
    net = MLPClassifier((100,), alpha=1, learning_rate_init=0.04, max_iter=6, random_state=0)
    classifiers = (LogisticRegression(max_iter=500), near, net)
    return {
        name: make_pipeline(StandardScaler(), classifier)
        for name, classifier in zip(PROBES, classifiers, strict=True)
    }


def leakage(codes: Tensor, labels: Tensor, probe: Pipeline) -> Proportion:
    """A probe's balanced accuracy on codes that it was not trained on.

    Args:
        codes: (N, D) float.
        labels: (N,) int64, with at least two classes and FOLDS images of each.
        probe: Stays unfitted; a copy is fitted for each fold.

    Returns:
        The mean over REPEATS times FOLDS seeded, stratified folds, with the interval of
        `corrected_interval`. Compare it with `chance`.

    Raises:
        ValueError: Too few classes or images, or codes that are not finite.
    """
    _check(codes, labels)
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
    with warnings.catch_warnings():
        # A probe has a fixed budget: where nothing leaks there is nothing to converge to.
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(
            probe,
            codes.numpy(),
            labels.numpy(),
            scoring="balanced_accuracy",
            cv=folds,
            error_score="raise",
        )
    return corrected_interval(scores, 1 / (FOLDS - 1))


def shuffled_null(codes: Tensor, labels: Tensor, probe: Pipeline, seed: int = 0) -> Proportion:
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
    probe = probes()["mlp"].set_params(mlpclassifier__learning_rate_init=0.003)
    return leakage(images.flatten(1), labels, probe)


def chance(classes: int) -> float:
    """The balanced accuracy of any prediction that does not depend on the code: 1 / `classes`."""
    return 1 / classes


def _check(codes: Tensor, labels: Tensor) -> None:
    if not codes.isfinite().all():
        raise ValueError("codes hold NaN or infinity: no probe can be trained on those")
    counts = labels.unique(return_counts=True)[1]
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} classes: a probe needs at least 2")
    if (least := int(counts.min())) < FOLDS:
        raise ValueError(f"a class has {least} images: the probes' {FOLDS} folds need one each")
