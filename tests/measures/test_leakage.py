"""Every probe on planted truth: perfect, none, half, and a class that only some probes can find."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from glo_core.measures.leakage import (
    FOLDS,
    PROBES,
    balanced_hits,
    chance,
    corrected_interval,
    fold_scores,
    leakage,
    pixel_ceiling,
    predicted,
    probed,
    probes,
    separation,
    shuffled_null,
    strongest,
    with_strongest,
)

COUNT, CLASSES = 600, 10
LABELS = torch.arange(COUNT) % CLASSES

every_probe = pytest.mark.parametrize("name", PROBES)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def linear_leak():
    codes = normal(COUNT, 25)
    codes[torch.arange(COUNT), LABELS] += 12
    return codes


def scores(codes, labels, name):
    return fold_scores(predictions_of(codes, labels, name), labels)["folds"]


def predictions_of(codes, labels, name):
    (found,) = predicted(codes, labels, [probes()[name]])
    return found


def leak(name, codes, labels):
    return leakage(codes, labels, probes()[name])


# --- what is there is found -----------------------------------------------------------------------


@every_probe
def test_a_perfect_leak_is_found_in_full(name):
    assert leak(name, linear_leak(), LABELS).low > 0.97


@every_probe
def test_where_nothing_leaks_a_probe_scores_chance(name):
    found = [leak(name, normal(COUNT, 25, seed=seed), LABELS).value for seed in range(5)]
    assert np.mean(found) == pytest.approx(chance(CLASSES), abs=0.02)


@every_probe
def test_where_half_of_the_images_leak_it_finds_those_and_guesses_the_rest(name):
    leaks = torch.arange(COUNT) // CLASSES % 2 == 0  # half of every class
    codes = torch.where(leaks[:, None], linear_leak(), normal(COUNT, 25, seed=1))
    expected = 0.5 + 0.5 * chance(CLASSES)
    assert leak(name, codes, LABELS).value == pytest.approx(expected, abs=0.04)


def hidden_leak():
    """Two classes in the product of two signs: on neither side of any plane is one the majority."""
    labels = torch.arange(COUNT) % 2
    codes = normal(COUNT, 4)
    codes[:, :2] += 2 * codes[:, :2].sign()
    codes[:, 1] = codes[:, 0].sign() * codes[:, 1].abs() * (1 - 2 * labels)
    return codes, labels


def test_what_no_plane_separates_is_hidden_from_the_linear_probe_alone():
    codes, labels = hidden_leak()
    for name in {*PROBES} - {"linear"}:
        assert leak(name, codes, labels).low > 0.95
    assert leak("linear", codes, labels).value < chance(2) + 0.08


CURVED = {"mlp", "svm", "qda"}


@pytest.mark.parametrize(("numbers", "finders"), [(5, {"knn", *CURVED}), (25, CURVED)])
def test_a_spread_that_depends_on_the_class_is_found_by_some_and_in_few_dimensions_by_knn(
    numbers, finders
):
    labels = torch.arange(COUNT) % 2
    codes = normal(COUNT, numbers) * torch.where(labels == 0, 0.5, 1.5)[:, None]
    for name in PROBES:
        found = leak(name, codes, labels)
        assert found.low > 0.8 if name in finders else found.value < chance(2) + 0.12


def shapes(per_class, numbers, classes):
    """Classes of one mean and one variance of each number, but with correlations of their own.

    Half of all pairs of numbers, others in each class, are nearly equal or nearly opposite.
    """
    labels = torch.arange(per_class * classes) % classes
    codes = normal(len(labels), numbers)
    stream = torch.Generator().manual_seed(1)
    for label in range(classes):
        one, other = torch.randperm(numbers, generator=stream)[: numbers // 2 * 2].view(2, -1)
        signs = 1 - 2 * torch.randint(2, (len(one),), generator=stream)
        of_class = torch.nonzero(labels == label)
        codes[of_class, other] = signs * codes[of_class, one] + 0.3 * codes[of_class, other]
    return codes / codes.std(0), labels


@pytest.mark.parametrize("classes", [2, 10])
def test_where_only_a_quadratic_sees_the_class_the_strongest_probe_says_so(classes):
    found = probed(*shapes(600 // classes, 16, classes))
    score = {name: np.mean(scores["folds"]) for name, scores in found.items()}
    # Of ten, a plane finds a few: a class lies further out in directions of its own.
    assert score["linear"] < (0.56 if classes == 2 else 0.2)
    assert score["qda"] > 0.9
    assert score["svm"] > 0.5 + 0.3 * (classes == 2)
    assert strongest(found) == "qda"


@pytest.mark.parametrize("numbers", [16, 50])
def test_the_quadratic_probe_stays_sane_with_five_images_a_class(numbers):
    none = [
        np.mean(scores(normal(50, numbers, seed=seed), LABELS[:50], "qda")) for seed in range(5)
    ]
    assert np.mean(none) == pytest.approx(chance(CLASSES), abs=0.04)
    perfect = normal(50, numbers) + 12 * torch.eye(CLASSES, numbers)[LABELS[:50]]
    assert leak("qda", perfect, LABELS[:50]).value > 0.8
    assert leak("qda", *shapes(20, numbers, CLASSES)).value > 2 * chance(CLASSES)


@every_probe
def test_codes_that_are_equal_within_a_class_tell_it(name):
    one_hot = torch.eye(25)[LABELS]
    assert leak(name, one_hot, LABELS) == (1, 1, 1)


@every_probe
def test_the_smallest_data_that_is_accepted_can_be_leak(name):
    labels = torch.arange(10) % 2
    codes = normal(10, 3) + 20 * labels[:, None]
    assert leak(name, codes, labels).value == 1


# --- the strongest of several -------------------------------------------------------------------


def test_the_strongest_probe_is_that_with_the_highest_mean():
    found = {"linear": {"folds": [0.9, 0.1]}, "qda": {"folds": [0.6, 0.6]}}
    assert strongest(found) == "qda"
    assert with_strongest(found) == {**found, "strongest": {"folds": [0.6, 0.6]}}


@pytest.mark.slow
def test_the_strongest_of_all_probes_is_hardly_above_chance_where_nothing_leaks():
    found = [with_strongest(probed(normal(COUNT, 25, seed=seed), LABELS)) for seed in range(10)]
    values = [np.mean(each["strongest"]["folds"]) for each in found]
    assert chance(CLASSES) < np.mean(values) < chance(CLASSES) + 0.04


@pytest.mark.parametrize(("score", "expected"), [(1, 0), (0.1, 1), (0.05, 1), (0.55, 0.5)])
def test_separation_is_what_is_not_above_chance(score, expected):
    assert separation({"folds": [score - 0.05, score + 0.05]}, 10) == pytest.approx(expected)


@every_probe
def test_hits_are_those_of_the_folds_weighted_so_that_classes_count_the_same(name):
    labels = torch.tensor([0] * 60 + [1] * 20 + [2] * 20)
    codes = normal(100, 5) + 3 * (labels == 0)[:, None]  # the other two are told apart by chance
    predictions = predictions_of(codes, labels, name)
    hits = torch.tensor(balanced_hits(predictions, labels)["images"])
    mean = np.mean(fold_scores(predictions, labels)["folds"])
    assert hits.mean() == pytest.approx(mean, abs=1e-4)
    for label, weight in enumerate((100 / 180, 100 / 60, 100 / 60)):
        of_class = hits[labels == label]
        assert ((of_class == 0) | (of_class - weight < 1e-4)).all()
    assert hits[labels == 0].count_nonzero() >= 58


def test_hits_are_of_each_image_in_its_place():
    leaks = torch.arange(COUNT) < COUNT // 2
    codes = torch.where(leaks[:, None], linear_leak(), normal(COUNT, 25, seed=1))
    hits = np.array(balanced_hits(predictions_of(codes, LABELS, "svm"), LABELS)["images"])
    assert hits[: COUNT // 2].mean() > 0.95
    assert hits[COUNT // 2 :].mean() < 0.2


def test_there_is_a_score_for_each_fold_and_it_is_the_same_each_time():
    codes, labels = normal(100, 5), LABELS[:100]
    found = scores(codes, labels, "knn")
    assert len(found) == FOLDS
    assert found == scores(codes, labels, "knn")


# --- codes that cannot be asked -----------------------------------------------------------------


def without_class_means(codes, labels):
    means = torch.stack([codes[labels == label].mean(0) for label in labels.unique()])
    return codes - means[labels]


@pytest.mark.parametrize("name", ["linear", "svm", "qda"])
def test_codes_that_were_whitened_with_their_own_statistics_are_classified_worse_than_by_chance(
    name,
):
    labels = LABELS[:200]
    codes = normal(200, 25)
    assert leak(name, codes, labels).value == pytest.approx(chance(CLASSES), abs=0.05)
    assert leak(name, without_class_means(codes, labels), labels).high < chance(CLASSES)


# --- how sure that is ----------------------------------------------------------------------------


def test_the_interval_is_the_corrected_one():
    found = corrected_interval(np.array([0.4, 0.6] * 5), 1 / 4)
    # By hand: s² = 0.1 / 9, variance (1/10 + 1/4) s² = 0.06236², t with 9 degrees 2.262.
    assert found == pytest.approx((0.5, 0.35893, 0.64107), abs=1e-5)
    assert corrected_interval(np.array([0.0, 1.0]), 1 / 4) == (0.5, 0, 1)


def test_one_score_has_no_interval():
    with pytest.raises(ValueError, match="at least 2"):
        corrected_interval(np.array([0.5]), 1 / 4)


@pytest.mark.slow
@every_probe
def test_the_interval_nearly_always_holds_chance_where_nothing_leaks(name):
    labels = torch.arange(200) % 4
    found = [leak(name, normal(200, 10, seed=seed), labels) for seed in range(20)]
    assert sum(one.low <= chance(4) <= one.high for one in found) >= 17


@pytest.mark.slow
def test_the_interval_nearly_always_holds_what_can_be_found_of_a_leak():
    labels = torch.arange(400) % 2
    best = NormalDist().cdf(1)  # two normal classes, two standard deviations apart
    found = [
        leak("linear", normal(400, 1, seed=k) + 2 * labels[:, None], labels) for k in range(20)
    ]
    assert sum(one.low <= best <= one.high for one in found) >= 17


# --- what to compare it with ---------------------------------------------------------------------


@every_probe
def test_the_null_of_codes_that_leak_all_is_near_chance(name):
    probe = probes()[name]
    null = [shuffled_null(linear_leak(), LABELS, probe, seed).value for seed in range(3)]
    assert np.mean(null) == pytest.approx(chance(CLASSES), abs=0.03)
    assert len(set(null)) > 1  # another seed shuffles otherwise


def test_naming_the_majority_always_scores_chance_however_unbalanced_the_classes():
    labels = torch.tensor([0] * 90 + [1] * 20 + [2] * 10)
    always = DummyClassifier(strategy="most_frequent")
    assert leakage(normal(120, 5), labels, always).value == pytest.approx(chance(3))


def test_the_pixels_of_squares_in_places_of_their_own_tell_the_class(digits):
    assert pixel_ceiling(digits.images, digits.labels).value == 1
    shuffled = digits.labels[torch.randperm(40, generator=torch.Generator().manual_seed(0))]
    assert pixel_ceiling(digits.images, shuffled).value < 0.6


# --- what goes in --------------------------------------------------------------------------------


@every_probe
def test_units_do_not_matter(name):
    units = torch.ones(25)
    units[20] = 1e4  # a number that tells nothing, in units that would drown the rest
    assert leak(name, linear_leak() * units, LABELS).low > 0.97


def test_probes_stay_unfitted():
    asked = probes()
    predicted(normal(50, 5), LABELS[:50], [*asked.values()])
    assert not any(hasattr(probe, "classes_") for probe in asked.values())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("classes", [2, 10])
def test_all_probes_together_predict_what_scikit_learn_predicts_with_each_alone(classes):
    codes, labels = normal(120, 8) + 0.5 * (LABELS[:120] % 3)[:, None], LABELS[:120] % classes
    codes[:, 3] = 0.1  # a number that does not vary
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    found = predicted(codes, labels, [*probes().values()])
    for predictions, probe in zip(found, probes().values(), strict=True):
        alone = make_pipeline(StandardScaler(), probe)
        expected = cross_val_predict(alone, codes.numpy(), labels.numpy(), cv=folds)
        assert np.array_equal(predictions, expected)
        tested = [fold for _, fold in folds.split(labels, labels)]
        scores = [balanced_accuracy_score(labels[fold], predictions[fold]) for fold in tested]
        assert fold_scores(predictions, labels) == {"folds": scores}


@every_probe
def test_the_same_codes_are_classified_the_same_again(name):
    codes, labels = hidden_leak()
    assert leak(name, codes, labels) == leak(name, codes, labels)


def test_a_class_too_small_for_the_folds_is_an_error():
    with pytest.raises(ValueError, match="a class has 4 images"):
        leak("knn", normal(20, 2), torch.tensor([0] * 16 + [3] * 4))


def test_one_class_is_an_error():
    with pytest.raises(ValueError, match="1 classes"):
        leak("knn", normal(20, 2), torch.zeros(20, dtype=torch.int64))


def test_codes_that_are_not_finite_are_an_error():
    with pytest.raises(ValueError, match="NaN"):
        leak("linear", torch.full((20, 2), torch.nan), torch.arange(20) % 2)
