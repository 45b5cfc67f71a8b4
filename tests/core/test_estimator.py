"""The classifier for scikit-learn, on squares whose places are their classes."""

import numpy as np
import pytest
import torch
from conftest import make_digits
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from glo_core import Recipe, classify, fit_codes
from glo_core.estimator import GloClassifier

RECIPE = Recipe(epochs=30, batch_size=16, learning_rate=1e-2, latent_rate=1e-2)
NAMES = np.array(["north", "east", "south", "west"])


@pytest.fixture(scope="module")
def new():
    """Squares that nobody was trained on."""
    return make_digits(seed=1)


@pytest.fixture(scope="module")
def fitted(digits):
    return GloClassifier(RECIPE).fit(digits.images.numpy(), NAMES[digits.labels])


def test_squares_are_classified_by_any_labels_in_either_shape(fitted, new):
    images, names = new.images.numpy(), NAMES[new.labels]
    assert fitted.classes_.tolist() == ["east", "north", "south", "west"]
    assert fitted.score(images, names) > 0.9
    assert (fitted.predict(images.reshape(-1, 784)) == fitted.predict(images)).all()


def test_transform_fits_codes_under_the_predicted_classes(fitted, new):
    codes = fitted.transform(new.images.numpy())
    classes, _ = classify(fitted.glo_, new.images)
    assert np.array_equal(codes, fit_codes(fitted.glo_, new.images, classes).numpy())
    errors = (fitted.glo_.decode(classes, torch.tensor(codes)) - new.images).abs().mean()
    blank = new.images.abs().mean()
    assert errors < blank / 2


def test_it_is_cloned_searched_and_put_into_a_pipeline(digits):
    rows, labels = digits.images.flatten(1).numpy(), digits.labels.numpy()
    recipes = [Recipe(epochs=1), RECIPE]
    search = GridSearchCV(clone(GloClassifier()), {"recipe": recipes}, cv=2).fit(rows, labels)
    assert search.best_params_ == {"recipe": RECIPE}
    pipeline = make_pipeline(GloClassifier(Recipe(epochs=1)), LogisticRegression())
    assert pipeline.fit(rows, labels).predict(rows).shape == labels.shape


def test_arrays_that_cannot_be_written_to_are_taken(fitted, new):
    images = new.images[:2].numpy().copy()
    images.flags.writeable = False
    assert len(fitted.predict(images)) == 2


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((3, 64)), r"\(3, 64\), allowed are \(M, 784\)"),
        (np.zeros((0, 784)), r"\(0, 784\)"),
        (np.zeros(784), r"\(784,\)"),
        (np.full((3, 784), 255), "to 255.0.*divide by 255"),
        (np.full((3, 784), -0.1), "-0.1"),
        (np.full((3, 784), np.nan), "nan"),
    ],
)
def test_what_is_no_image_is_refused(images, words, fitted):
    with pytest.raises(ValueError, match=words):
        fitted.predict(images)
    with pytest.raises(ValueError, match=words):
        GloClassifier(RECIPE).fit(images, np.zeros(len(images)))


def test_every_image_needs_a_label():
    with pytest.raises(ValueError, match="y has 2 labels, allowed are 3"):
        GloClassifier(RECIPE).fit(np.zeros((3, 784)), [0, 1])


def test_it_must_be_fitted_first(new):
    with pytest.raises(NotFittedError):
        GloClassifier().predict(new.images.numpy())
    with pytest.raises(NotFittedError):
        GloClassifier().transform(new.images.numpy())


@pytest.mark.parametrize(
    "check",
    """check_do_not_raise_errors_in_init_or_set_params check_estimator_cloneable
    check_estimator_repr check_estimator_tags_renamed check_get_params_invariance
    check_mixin_order check_no_attributes_set_in_init check_parameters_default_constructible
    check_set_params check_valid_tag_types""".split(),
)
def test_scikit_learns_checks_that_need_no_data_of_other_shapes(check):
    getattr(estimator_checks, check)("GloClassifier", GloClassifier())
