"""How much of a style is kept, by planted conversions of bars."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from glo_core.data import Digits
from glo_core.measures import style_kept
from glo_core.measures.concordance import concordance
from glo_core.measures.style_kept import convert_all, kept, measure, measure_unseen

CLASSES, EACH = 3, 40
MEAN = torch.tensor([5.0, 7.0])  # of slant, in degrees, and width
LENGTHS = torch.tensor([14, 18, 22])


def bars(classes, styles):
    """(M, 28, 28) bars as long as their class tells, with styles (M, 2): slant and width."""
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    slants, widths = styles[:, :, None, None].unbind(1)
    middle = 13.5 - (rows - 13.5) * slants.deg2rad().tan()
    covered = (widths / 2 + 0.5 - (columns - middle).abs()).clip(0, 1)
    return covered * ((rows - 13.5).abs() < LENGTHS[classes][:, None, None] / 2)


@pytest.fixture(autouse=True)
def _a_judge_of_lengths(monkeypatch):
    """Of conversions that are bars; a blank image is of class 0."""

    def judged(_, images):
        length = (images.amax(2) > 0).sum(1)
        return (length[:, None] - LENGTHS).abs().argmin(1)

    monkeypatch.setattr(style_kept, "predictions", judged)


LABELS = torch.arange(CLASSES).repeat(EACH)
STYLES = MEAN + torch.randn(
    CLASSES * EACH, 2, generator=torch.Generator().manual_seed(0)
) * torch.tensor([8, 1.5])
DIGITS = Digits(bars(LABELS, STYLES), LABELS, ("short", "middle", "long"), "planted bars")


def scores(convert):
    """Concordance of slant, thickness and width."""
    sums = np.array(kept(convert_all(convert, DIGITS, None), DIGITS)["sums"])
    assert sums.shape == (CLASSES * style_kept.PER_CLASS, 3, 6)
    assert (sums[..., 0] == CLASSES - 1).all()
    return [float(concordance(sums[:, [k]])) for k in range(3)]


def with_style(change):
    return lambda images, to: bars(to, change(STYLES[images]))


def test_a_conversion_in_its_sources_style_keeps_all_of_it():
    assert scores(with_style(lambda styles: styles)) == pytest.approx([1, 1, 1], abs=0.1)


def test_a_tenth_of_the_slant_is_a_fifth_kept_though_it_follows():
    def tenth(styles):
        return torch.stack([5 + 0.1 * (styles[:, 0] - 5), styles[:, 1]], 1)

    slant, thickness, width = scores(with_style(tenth))
    assert slant == pytest.approx(0.2, abs=0.05)
    assert min(thickness, width) > 0.8
    glo = SimpleNamespace(convert=with_style(tenth), reconstruct=DIGITS.images.__getitem__)
    found = measure(SimpleNamespace(glo=glo, digits=DIGITS, judge=None))
    assert found["style"]["slant"].value > 0.8  # but for the pixels' size


def test_half_of_the_style_is_four_fifths_kept():
    half = scores(with_style(lambda styles: (styles + MEAN) / 2))
    assert half == pytest.approx([0.8, 0.8, 0.8], abs=0.1)


def test_an_average_bar_keeps_nothing():
    assert scores(with_style(MEAN.expand_as)) == pytest.approx([0, 0, 0], abs=0.05)
    turned = scores(lambda images, to: bars(to, STYLES[images.roll(7)]))
    assert turned == pytest.approx([0, 0, 0], abs=0.3)


def test_conversions_that_are_all_too_bold_keep_the_slant_alone():
    slant, thickness, width = scores(with_style(lambda styles: styles + torch.tensor([0, 3])))
    assert slant > 0.9
    assert max(thickness, width) < 0.45


def test_a_failed_conversion_has_kept_nothing():
    assert scores(lambda images, _: DIGITS.images[images]) == [0, 0, 0]

    def half_fail(images, to):
        return bars(
            torch.where((images // CLASSES) % 2 == 0, to, DIGITS.labels[images]), STYLES[images]
        )

    # y = x in half of the pairs, and 0 in the others
    assert scores(half_fail) == pytest.approx([2 / 3] * 3, abs=0.1)


def test_a_blank_conversion_has_kept_nothing():
    assert scores(lambda images, _: torch.zeros(len(images), 28, 28)) == [0, 0, 0]


def test_a_model_is_measured_beside_its_reconstructions():
    faded = bars(LABELS, (STYLES + MEAN) / 2)
    glo = SimpleNamespace(convert=with_style(lambda styles: styles), reconstruct=faded.__getitem__)
    found = measure(SimpleNamespace(glo=glo, digits=DIGITS, judge=None))
    assert found.keys() == {"style", "style_concordance", "style_ceiling"}
    assert concordance(np.array(found["style_concordance"]["sums"])) > 0.9
    ceiling = np.array(found["style_ceiling"]["sums"])
    assert (ceiling[..., 0] == 1).all()
    assert concordance(ceiling) == pytest.approx(0.8, abs=0.1)


def test_unseen_images_are_converted_with_their_own_codes_and_compared_with_training_images():
    labels, styles = LABELS.flip(0), 0.5 * (STYLES.flip(0) + MEAN)
    unseen = Digits(bars(labels, styles), labels, DIGITS.class_names, "other bars")
    subject = SimpleNamespace(
        glo=SimpleNamespace(decode=bars),
        digits=DIGITS,
        judge=None,
        unseen=unseen,
        unseen_codes=styles,
    )
    sums = np.array(measure_unseen(subject)["held_out_style_concordance"]["sums"])
    assert concordance(sums) > 0.75
    count, x, _, xx, *_ = sums[:, 0].sum(0)
    # Half as spread as the training images, by whose deviations they are measured.
    assert np.sqrt(xx / count - (x / count) ** 2) == pytest.approx(0.5, abs=0.12)


def test_only_so_many_images_of_a_class_are_converted_each_to_all_others():
    found = convert_all(with_style(lambda styles: styles), DIGITS, None)
    assert np.bincount(found.labels).tolist() == [style_kept.PER_CLASS] * CLASSES
    assert (LABELS[found.images].numpy() == found.labels).all()
    for label, targets in zip(found.labels, found.targets, strict=True):
        assert sorted([label, *targets]) == [0, 1, 2]
