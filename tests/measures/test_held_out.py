"""What a model does with unseen images, on planted codes and conversions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import make_digits

from glo_core.measures import conversions, held_out, leakage
from glo_core.measures.subject import Subject

CLASSES, COUNT = 4, 200


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Planted:
    """A stand-in for a model that generates a class's square, and what it is told to fail."""

    def __init__(self, glo, wrong=()):
        self.glo, self.wrong = glo, wrong
        self.squares = make_digits(CLASSES).images

    def __getattr__(self, name):
        return getattr(self.glo, name)

    def decode(self, classes, content):
        targets = torch.where(torch.isin(classes, torch.tensor(self.wrong).long()), 0, classes)
        return self.squares[targets]


@pytest.fixture
def squares_judge(monkeypatch):
    """A judge that sees which square is the brightest."""
    places = torch.stack([make_digits(CLASSES).images[k] > 0.5 for k in range(CLASSES)])

    def predictions(network, images):
        return torch.stack([images[:, place].mean(1) for place in places], 1).argmax(1)

    monkeypatch.setattr(held_out, "predictions", predictions)


@pytest.fixture
def subject(models, digits, squares_judge):
    unseen = make_digits(COUNT, seed=1)
    return Subject(Planted(models[0]), digits, torch.nn.Sequential(), unseen, digits)


def with_codes(subject, codes):
    made = replace(subject)
    vars(made)["unseen_codes"] = codes  # where the fitted ones would be kept
    return made


def hand(subject):
    """Codes that hold nothing of the class."""
    return normal(len(subject.unseen), 6)


def key(subject):
    """Codes that hold the class, and nothing else."""
    return torch.eye(6)[subject.unseen.labels]


def half(subject):
    """Codes of which every other one of each class holds it."""
    holds = torch.arange(len(subject.unseen)) // CLASSES % 2 == 0
    return torch.where(holds[:, None], key(subject), hand(subject))


def test_unseen_codes_are_fitted_under_the_images_own_classes(models, subject):
    plain = replace(subject, glo=models[0], unseen=make_digits(40, seed=1))
    own = conversions_error(plain, plain.unseen.labels)
    for turn in range(1, CLASSES):
        assert own < conversions_error(plain, (plain.unseen.labels + turn) % CLASSES)


def conversions_error(subject, classes):
    generated = subject.glo.decode(classes, subject.unseen_codes)
    return (generated - subject.unseen.images).abs().mean()


def test_codes_that_hold_nothing_of_the_class_are_a_hand(subject):
    found = held_out.measure(with_codes(subject, hand(subject)))
    for scores in found["unseen_leakage"].values():
        low, high = interval(scores)
        assert low <= leakage.chance(CLASSES) <= high
    assert found["separation"] > 0.85


def interval(scores):
    return leakage.corrected_interval(np.array(scores["folds"]), 1 / (leakage.FOLDS - 1))[1:]


def test_codes_that_hold_the_class_are_found_out_by_every_probe(subject):
    found = held_out.measure(with_codes(subject, key(subject)))
    assert found["unseen_leakage"].keys() == {*leakage.PROBES}
    assert all(min(scores["folds"]) == 1 for scores in found["unseen_leakage"].values())
    assert found["separation"] == 0
    assert set(found["unseen_hits"]["images"]) == {1}


def test_of_codes_that_hold_it_half_the_time_half_is_found(subject):
    found = held_out.measure(with_codes(subject, half(subject)))
    expected = 0.5 + 0.5 / CLASSES
    assert np.mean(found["unseen_strongest"]["folds"]) == pytest.approx(expected, abs=0.06)
    assert found["separation"] == pytest.approx(0.5, abs=0.08)


def test_the_strongest_probe_is_the_one_whose_hits_and_scores_are_told(subject):
    found = held_out.measure(with_codes(subject, half(subject)))
    means = {name: np.mean(each["folds"]) for name, each in found["unseen_leakage"].items()}
    assert means[found["strongest"]] == max(means.values())
    assert found["unseen_strongest"] == found["unseen_leakage"][found["strongest"]]
    hits = np.mean(found["unseen_hits"]["images"])
    assert hits == pytest.approx(means[found["strongest"]], abs=1e-4)


@pytest.mark.parametrize(("wrong", "expected"), [((), 1), ((1, 2, 3), 0.25), ((3,), 0.75)])
def test_conversions_of_unseen_images_that_succeed_are_counted_for_each_image(
    wrong, expected, subject
):
    subject = with_codes(replace(subject, glo=Planted(subject.glo.glo, wrong)), hand(subject))
    rates = np.array(held_out.measure(subject)["held_out_conversion"]["rates"])
    assert rates.mean() == pytest.approx(expected, abs=1e-4)
    labels = subject.unseen.labels.numpy()
    for source in range(CLASSES):
        succeed = {*range(CLASSES)} - {source} - {*wrong}
        assert rates[labels == source] == pytest.approx(len(succeed) / (CLASSES - 1), abs=1e-4)


def test_judged_has_a_row_for_each_image_and_a_column_for_each_class(subject):
    predicted = held_out.judged(with_codes(subject, hand(subject)))
    assert predicted.shape == (COUNT, CLASSES)
    assert (conversions.accuracy(predicted, subject.unseen.labels) == 1).all()


def test_the_error_is_that_of_each_unseen_image(subject):
    perfect = subject.unseen.images
    found = held_out.measure(with_codes(subject, hand(subject)))["held_out_l1"]["images"]
    square = Planted(subject.glo.glo).squares[subject.unseen.labels]
    assert found == pytest.approx((square - perfect).abs().mean((1, 2)).tolist(), rel=1e-3)


@pytest.mark.parametrize(("right", "expected"), [(CLASSES, 1), (0, 0), (CLASSES // 2, 0.5)])
def test_what_the_model_itself_classifies_is_counted(right, expected, subject, monkeypatch):
    def classify(glo, images):
        """Recognises the squares of the first classes, and takes others for the next class."""
        labels = held_out.predictions(None, images)
        return torch.where(labels < right, labels, (labels + 1) % CLASSES), None

    monkeypatch.setattr(held_out, "classify", classify)
    found = held_out.measure_further(subject)
    assert found.keys() == {"classified"}
    assert len(found["classified"]["rates"]) == held_out.CLASSIFIED
    assert found["classified"]["cases"] == 1
    assert np.mean(found["classified"]["rates"]) == expected


def test_an_encoders_codes_are_decoded_under_the_images_own_classes(subject):
    class WithEncoder(Planted):
        encoder = "planted"

        def encode(self, images, classes):
            self.asked = classes
            return torch.zeros(len(images), 25)

    glo = WithEncoder(subject.glo.glo)
    found = held_out.measure_further(replace(subject, glo=glo))
    assert torch.equal(glo.asked, subject.unseen.labels)
    squares = glo.squares[subject.unseen.labels]
    expected = (squares - subject.unseen.images).abs().mean((1, 2)).tolist()
    assert found["encoded_l1"]["images"] == pytest.approx(expected, rel=1e-3)
