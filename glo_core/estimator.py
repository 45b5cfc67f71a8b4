"""A GLO as a classifier and transformer of scikit-learn, for pipelines and grid searches.

It follows scikit-learn's conventions but for what images ask for: rows have 784 numbers in [0, 1]
and no others, and neither sparse matrices nor sample weights are taken.
"""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from glo_core.data import SIDE, Digits
from glo_core.measures import fitting
from glo_core.recipe import Recipe
from glo_core.runs.trainers import train


class GloClassifier(ClassifierMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns classes and content codes of images.

    Args:
        recipe: How the model is trained; None for `Recipe()`.

    Attributes:
        classes_: (C,), what the labels are, sorted.
        glo_: The trained model, whose labels are places in `classes_`.
    """

    def __init__(self, recipe: Recipe | None = None):
        self.recipe = recipe

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 (scikit-learn's name)
        """Trains on images, (M, 784) or (M, 28, 28) in [0, 1], and their labels (M,) of any kind.

        Raises:
            ValueError: Images of another shape or range, or another number of labels.
        """
        images = _images(X)
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        if labels.shape != (len(images),):
            raise ValueError(f"y has {len(labels)} labels, allowed are {len(images)}: one an image")
        names = tuple(map(str, self.classes_))
        digits = Digits(images, torch.from_numpy(labels), names, "images given to fit")
        (self.glo_,) = train([self.recipe or Recipe()], digits)
        self.n_features_in_ = SIDE * SIDE
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """The labels (M,) of the classes under which images are reconstructed best."""
        check_is_fitted(self)
        classes, _ = fitting.classify(self.glo_, _images(X))
        labels: NDArray[Any] = self.classes_[classes.numpy()]
        return labels

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Content codes (M, content_dim) of images, each fitted under its predicted class."""
        check_is_fitted(self)
        images = _images(X)
        classes, _ = fitting.classify(self.glo_, images)
        codes: NDArray[np.float32] = fitting.fit(self.glo_, images, classes).numpy()
        return codes


def _images(rows: ArrayLike) -> Tensor:
    """Rows of pixels, or images, as (M, 28, 28) float32."""
    array = np.asarray(rows, dtype=np.float32)
    if array.shape[1:] not in ((SIDE * SIDE,), (SIDE, SIDE)) or not len(array):
        raise ValueError(f"X has shape {array.shape}, allowed are (M, 784) and (M, 28, 28)")
    if not (array.min() >= 0 and array.max() <= 1):  # NaN is neither
        raise ValueError(
            f"X has values from {array.min()} to {array.max()}, allowed are 0 to 1: divide by 255"
        )
    return torch.tensor(array.reshape(-1, SIDE, SIDE))  # a copy, as arrays may be read-only
