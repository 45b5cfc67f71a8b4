"""How well the class can be read from the content codes: leakage, measured by probes.

A **probe** is a classifier that reads the class from the content code. Its balanced accuracy is the
measure of **leakage**: above `chance`, class information sits where only content belongs. One probe
cannot show that nothing leaks, as it may be blind to the way in which the class is written; so
there are three.
"""

import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from glo_core.intervals import Share, corrected_interval

PROBES = ("linear", "knn", "mlp")
FOLDS, REPEATS = 5, 2


def probes() -> dict[str, Pipeline]:
    """One new probe of each name in PROBES, each with a scaler inside, fitted to its fold alone.

    `linear` sees what a plane separates. `knn` sees where a class crowds together, whatever the
    shape, but weighs every number of a code alike, so that many silent ones drown a few telling
    ones, and where one class is spread wider than another in all of them it only ever names the
    narrower. `mlp` sees what those two see, and such a spread too.
    """
    # As many neighbours as the smallest fold that `leakage` accepts has to offer.
    near = KNeighborsClassifier(2 * (FOLDS - 1), weights="distance")
    # Few long steps and a firm weight decay: on 2000 codes that reads what 300 epochs of short
    # steps read, in a fortieth of the time.
    net = MLPClassifier((100,), alpha=1, learning_rate_init=0.04, max_iter=6, random_state=0)
    readers = (LogisticRegression(max_iter=500), near, net)
    return {
        name: make_pipeline(StandardScaler(), reader)
        for name, reader in zip(PROBES, readers, strict=True)
    }


def leakage(codes: Tensor, labels: Tensor, probe: Pipeline) -> Share:
    """How well the probe reads the class from codes it was not trained on: balanced accuracy.

    `codes` is (N, D) float, `labels` (N,) int64, with at least two classes and FOLDS images of
    each. The value is the mean share of a class's images that are read right, over REPEATS times
    FOLDS seeded, stratified folds; compare it with `chance`. The interval is that of
    `corrected_interval`. The probe itself stays unfitted.

    Raises ValueError for too few classes or images, and for codes that are not finite.
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


def shuffled_null(codes: Tensor, labels: Tensor, probe: Pipeline, seed: int = 0) -> Share:
    """`leakage` with the labels dealt out anew: what nothing to read looks like for this probe.

    One draw of the null of a permutation test (Ojala & Garriga 2010). Takes and raises what
    `leakage` does.
    """
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return leakage(codes, labels[order], probe)


def pixel_ceiling(images: Tensor, labels: Tensor) -> Share:
    """What the MLP probe reads from (N, 28, 28) images themselves, to compare codes with.

    It is no strict bound: codes are learned with the labels at hand, and could tell even more.
    Takes and raises what `leakage` does otherwise.
    """
    # With 784 inputs in place of 25, a step ten times shorter has the same effect.
    probe = probes()["mlp"].set_params(mlpclassifier__learning_rate_init=0.003)
    return leakage(images.flatten(1), labels, probe)


def chance(classes: int) -> float:
    """The majority line of a balanced accuracy: naming one class always scores 1 / `classes`.

    That holds for any class, however frequent, and for any guess that does not look at the code.
    """
    return 1 / classes


def _check(codes: Tensor, labels: Tensor) -> None:
    if not codes.isfinite().all():
        raise ValueError("codes hold NaN or infinity: no probe can read those")
    counts = labels.unique(return_counts=True)[1]
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} classes: a probe needs at least 2")
    if (least := int(counts.min())) < FOLDS:
        raise ValueError(f"a class has {least} images: the probes' {FOLDS} folds need one each")
