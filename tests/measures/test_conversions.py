"""Planted conversions: real digits of a class that we choose, classified by a real judge."""

from types import SimpleNamespace

import pytest
import torch

from glo_core.measures import conversions
from glo_core.measures.judge import predictions


class PlantedConversions:
    """A stand-in for a model, whose conversions are real digits of a class that we choose."""

    def __init__(self, digits, judge, labels, wanted):
        self.labels, self.wanted = labels, wanted
        self.class_table = torch.zeros(10, 25)
        right = predictions(judge, digits.images) == digits.labels
        self.images_of = torch.stack(
            [digits.images[right & (digits.labels == label)][0] for label in range(10)]
        )

    def planted_reconstructions(self):
        return self.images_of[self.labels]

    def convert(self, images, to):
        """For each image, a real digit of the class that `wanted` makes of image and target."""
        return self.images_of[[self.wanted(int(image), to) for image in images]]


def planted_subject(planted, judge):
    return SimpleNamespace(
        glo=planted,
        judge=judge,
        measured=torch.arange(len(planted.labels)),
        seen=SimpleNamespace(labels=planted.labels),
        reconstructions=planted.planted_reconstructions(),
    )


LABELS = torch.arange(20) % 10


@pytest.mark.parametrize(
    ("wanted", "success", "residue"),
    [
        (lambda image, to: to, 1.0, 0.0),
        (lambda image, to: image % 10, 0.0, 1.0),
        (lambda image, to: to if image < 10 else image % 10, 0.5, 0.5),
    ],
)
def test_planted_conversions_are_counted(wanted, success, residue, judge, splits):
    planted = PlantedConversions(splits.judge, judge, LABELS, wanted)
    found = conversions.judged(planted_subject(planted, judge))
    assert torch.equal(found[torch.arange(20), LABELS], LABELS)
    assert found.shape == (20, 10)
    assert conversions.accuracy(found, LABELS).mean() == pytest.approx(success)
    assert conversions.source_residue(found, LABELS).mean() == pytest.approx(residue)


def test_each_image_has_a_rate_and_conversions_to_its_own_class_do_not_count():
    predicted = torch.tensor([[0, 0, 0], [1, 1, 2], [0, 1, 2]])
    labels = torch.tensor([0, 1, 2])
    # The first converts nothing, the second to class 2 alone, the third to both others.
    assert conversions.accuracy(predicted, labels).tolist() == [0, 0.5, 1]
    assert conversions.source_residue(predicted, labels).tolist() == [1, 0.5, 0]


def test_a_models_rates_are_kept_image_by_image(judge, splits):
    planted = PlantedConversions(
        splits.judge, judge, LABELS, lambda image, to: to if image < 5 else 0
    )
    found = conversions.measure(planted_subject(planted, judge))
    assert found["conversion"]["rates"][:5] == [1] * 5
    assert found["conversion"]["rates"][5:10] == [0.11111] * 5  # to class 0 alone
    assert found["source_residue"]["rates"] == [0] * 10 + [1] + [0] * 9  # image 10 is a 0
    assert found["conversion"]["cases"] == found["source_residue"]["cases"] == 9


def test_the_matrix_has_sources_as_rows_and_targets_as_columns():
    labels = torch.tensor([0, 0, 1])
    predicted = torch.tensor([[0, 1], [0, 0], [1, 1]])
    assert conversions.matrix(predicted, labels) == [[1.0, 0.5], [0.0, 1.0]]
