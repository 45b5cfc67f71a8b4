"""Which training images are measured."""

from dataclasses import replace

import pytest
import torch
from conftest import make_digits

from glo_core.measures import conversions, leakage, reconstruction, subject
from glo_core.measures.subject import Subject, measured
from glo_core.recipe import Recipe
from glo_core.runs.trainers import train


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(subject, "MEASURED", 40)


def test_no_more_than_so_many_are_measured_as_many_of_each_class(few):
    digits = make_digits(90)
    some = measured(digits)
    assert some.tolist() == sorted({*some.tolist()})
    assert digits.labels[some].bincount().tolist() == [10] * 4
    assert some.max() > 60  # not simply the first


def test_of_few_images_all_are_measured_in_their_order(few):
    assert measured(make_digits(40)).tolist() == list(range(40))


def test_what_is_measured_of_training_images_is_measured_of_these_alone(few, monkeypatch):
    digits = make_digits(90)
    (glo,) = train([Recipe(epochs=1)], digits)
    some = measured(digits)
    whole = Subject(glo, digits, torch.nn.Sequential(), digits, digits)
    classified = []

    def predictions(_, images):
        classified.append(len(images))
        return torch.zeros(len(images), dtype=torch.int64)

    monkeypatch.setattr(conversions, "predictions", predictions)
    alone = Subject(
        replace(glo, content_table=glo.content_table[some], labels=glo.labels[some]),
        digits.subset(some),
        *(whole.judge, digits, digits),
    )
    for measure in (reconstruction.measure, conversions.measure, leakage.measure):
        assert measure(whole) == measure(alone)
    assert len(reconstruction.measure(whole)["reconstruction_l1"]["images"]) == 40
    assert max(classified) <= 40
