"""The measures of one model, on planted models: perfect, useless, and half way."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from glo_core import Recipe, train
from glo_core.measures import (
    codes,
    conversions,
    evaluation,
    held_out,
    reconstruction,
    samples,
    style_kept,
)
from glo_core.measures.concordance import concordance
from glo_core.measures.evaluation import MEASURES, SCOPES, measures_of, version
from glo_core.measures.judge import predictions
from glo_core.measures.subject import Subject


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Planted:
    """A stand-in for a model whose images are given; all else is the real model's."""

    def __init__(self, glo, images):
        self.glo, self.images = glo, images

    def __getattr__(self, name):
        return getattr(self.glo, name)

    def reconstruct(self, images):
        return self.images[images]

    def convert(self, images, to):
        return self.images[images]

    def decode(self, classes, content):
        return self.images[: len(classes)]


@pytest.fixture(scope="module")
def subject(splits, judge):
    digits = splits.train.subset(range(100))
    (glo,) = train([Recipe(sigma=0.1, epochs=2)], digits)
    return Subject(glo, digits, judge, splits.test.sample(100), splits.judge)


@pytest.fixture
def planted(subject):
    return lambda images: replace(subject, glo=Planted(subject.glo, images))


# --- reconstructions -----------------------------------------------------------------------------


def test_a_model_that_reconstructs_perfectly_has_fidelity_one(subject, planted):
    found = reconstruction.measure(planted(subject.digits.images))
    assert set(found["reconstruction_l1"]["images"]) == {0}
    assert found["fidelity"] == 1
    assert found["sharpness"] == found["variety"] == 1


@pytest.mark.parametrize("of", [reconstruction.median, torch.mean], ids=["median", "mean"])
def test_one_image_a_class_has_no_fidelity_and_no_variety(of, subject, planted):
    images, labels = subject.digits.images, subject.digits.labels
    found = reconstruction.measure(planted(reconstruction.class_images(images, labels, of)))
    assert -0.2 < found["fidelity"] <= 0
    assert found["variety"] == pytest.approx(0, abs=1e-9)


def test_a_model_half_way_to_the_images_has_half_the_fidelity(subject, planted):
    images, labels = subject.digits.images, subject.digits.labels
    mean = reconstruction.class_images(images, labels, torch.mean)
    half, none = (reconstruction.measure(planted(each)) for each in ((mean + images) / 2, mean))
    errors = [np.array(each["reconstruction_l1"]["images"]) for each in (half, none)]
    assert errors[0] == pytest.approx(errors[1] / 2, rel=1e-4)
    assert 0.5 < half["fidelity"] < 0.75  # half the L1 error, a quarter of the L2 error


# --- codes ---------------------------------------------------------------------------------------


def with_codes(subject, content_table):
    return replace(subject, glo=replace(subject.glo, content_table=content_table))


def test_the_spread_of_the_codes_is_measured(subject):
    found = codes.measure(with_codes(subject, 4 * normal(100, 25) + 7))
    assert found["content_spread"] == pytest.approx(4, rel=0.05)
    assert found["noise_to_code"] == pytest.approx(0.1 / found["content_spread"])
    assert found["final_loss"] == subject.glo.history.losses[-1].item()


# --- conversions and style -----------------------------------------------------------------------


def test_the_conversions_of_one_model_are_all_judged(subject):
    found = conversions.measure(subject)
    assert torch.tensor(found["conversion_matrix"]).shape == (10, 10)
    assert len(found["conversion"]["rates"]) == len(subject.digits)
    assert found["conversion"]["cases"] == found["source_residue"]["cases"] == 9


@pytest.mark.parametrize(("turn", "least", "most"), [(0, 0.95, 1), (37, -0.5, 0.5)])
def test_a_conversion_in_its_sources_style_keeps_it_and_one_in_anothers_does_not(
    turn, least, most, subject, monkeypatch
):
    class Converting(Planted):
        def convert(self, images, to):
            self.to = to
            return self.images[images]

    glo = Converting(subject.glo, subject.digits.images.roll(turn, 0))
    monkeypatch.setattr(style_kept, "predictions", lambda *_: glo.to)  # all conversions succeed
    for found in style_kept.measure(replace(subject, glo=glo))["style"].values():
        assert least < found.value <= most


def test_a_conversion_that_is_still_its_source_does_not_count_as_one_that_keeps_its_style(
    subject, planted
):
    images = subject.digits.images
    right = predictions(subject.judge, images) == subject.digits.labels
    found = style_kept.measure(planted(torch.where(right[:, None, None], images, 0)))
    assert {tuple(follows) for follows in found["style"].values()} == {(0, 0, 0, 0)}
    assert concordance(np.array(found["style_concordance"]["sums"])) == 0


# --- images from scratch, and held-out ones ------------------------------------------------------


def test_a_planted_memoriser_is_found_and_fresh_digits_are_not(subject, splits, judge):
    beside = samples._beside(judge, subject.digits, subject.unseen)

    def quality(images):
        found = samples.quality(Planted(subject.glo, images), judge, beside, "gaussian")
        return {name: np.mean(values["draws"]) for name, values in found.items()}

    copies, fresh = quality(subject.digits.images), quality(splits.judge.images[:100])
    assert copies["memorised"] == 1
    assert fresh["memorised"] < 0.2
    half = quality(torch.cat([subject.digits.images[:50], splits.judge.images[:50]]))
    assert 0.5 <= half["memorised"] < 0.6
    noise = quality(torch.rand(100, 28, 28))
    assert noise["frechet"] > 5 * fresh["frechet"]
    assert noise["coverage"] < 0.1 < 0.7 < fresh["coverage"]


def test_unseen_images_are_reconstructed_converted_and_their_codes_probed(subject):
    found = held_out.measure(subject)
    for name, form in (
        ("held_out_l1", "images"),
        ("held_out_conversion", "rates"),
        ("unseen_hits", "images"),
    ):
        assert len(found[name][form]) == len(subject.unseen)
    assert 0 < np.mean(found["held_out_l1"]["images"]) < 1
    assert 0 <= found["separation"] <= 1


def test_samples_are_measured_with_every_prior(subject):
    found = samples.measure(subject)["samples"]
    assert found.keys() == {"normal", "diagonal", "gaussian", "mixture"}


# --- which models are measured, and versions -----------------------------------------------------


def test_a_dearer_scope_has_all_measures_of_the_cheaper_ones():
    names = [measures_of(scope) for scope in SCOPES]
    for fewer, more in pairwise(names):
        assert {*fewer} < {*more}
    assert names[0] == ["reconstruction", "conversions", "leakage", "scratch"]
    assert names[-1] == [*MEASURES]


# --- versions ------------------------------------------------------------------------------------


OF_UNSEEN = {"held-out", "further"}
# Which measures are taken again if a module changes.
AFFECTED = {
    "style": {"style", "unseen-style", "leaks"},
    "concordance": {"style", "unseen-style"},
    "held_out": OF_UNSEEN,
    "leaks": {"leaks"},
    "intervals": {"leakage", "leaks"} | OF_UNSEEN,
    "reconstruction": {"reconstruction", "leaks"} | OF_UNSEEN,
    "fitting": {*MEASURES},
}


def test_a_measures_version_depends_on_its_own_modules_alone(monkeypatch):
    def versions():
        version.cache_clear()
        return {name: version(name) for name in MEASURES}

    before = versions()
    # Measures of one module share its version.
    modules = {name: measure.compute.__module__ for name, measure in MEASURES.items()}
    assert len({*before.values()}) == len({*modules.values()})
    assert before["held-out"] == before["further"]
    real = evaluation.syntax_hash
    for changed, affected in AFFECTED.items():

        def with_change(files, changed=changed):
            return real(files) + str(any(file.stem == changed for file in files))

        monkeypatch.setattr(evaluation, "syntax_hash", with_change)
        with_it = versions()
        monkeypatch.setattr(evaluation, "syntax_hash", lambda files: real(files) + "False")
        without = versions()
        assert {name for name in MEASURES if with_it[name] != without[name]} == affected, changed
    version.cache_clear()
