"""Every measure of samples on planted truth: perfect, useless and half-way ones."""

from types import SimpleNamespace

import pytest
import torch

from glo_core import data
from glo_core.data import Digits
from glo_core.measures import samples
from glo_core.priors import PRIORS

FEATURES = 20


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the Fréchet distance ------------------------------------------------------------------------


def test_the_frechet_distance_of_two_gaussians_is_the_analytic_one():
    turn = torch.linalg.qr(normal(FEATURES, FEATURES)).Q
    spread, other = torch.linspace(0.5, 2, FEATURES), torch.linspace(2, 1, FEATURES)
    real = normal(20000, FEATURES, seed=1) * spread @ turn
    generated = (normal(20000, FEATURES, seed=2) * other + 0.5) @ turn
    # Covariances with the same axes commute: only the standard deviations differ.
    expected = FEATURES * 0.5**2 + (spread - other).square().sum().item()
    assert samples.frechet(real, generated) == pytest.approx(expected, rel=0.03)


def test_the_frechet_distance_of_covariances_that_do_not_commute_is_the_analytic_one():
    # For two dimensions tr (S·S')^½ = (tr S·S' + 2·(det S·S')^½)^½.
    one, other = torch.tensor([[4.0, 0], [0, 1]]), torch.tensor([[2.0, 1.2], [1.2, 1]])
    product = one @ other
    root = (product.trace() + 2 * product.det().sqrt()).sqrt()
    expected = (one.trace() + other.trace() - 2 * root).item()
    features = [
        normal(50000, 2, seed=seed) @ torch.linalg.cholesky(covariance).T
        for seed, covariance in enumerate((one, other))
    ]
    assert samples.frechet(*features) == pytest.approx(expected, rel=0.05)


def test_the_frechet_distance_is_zero_for_the_same_features_and_symmetric():
    real, generated = normal(500, FEATURES), normal(300, FEATURES, seed=1) + 1
    assert samples.frechet(real, real.flip(0)) == pytest.approx(0, abs=1e-9)
    assert samples.frechet(real, generated) == pytest.approx(samples.frechet(generated, real))
    assert samples.frechet(real.numpy(), generated.numpy()) == samples.frechet(real, generated)


def test_features_half_way_between_have_a_quarter_of_the_squared_distance():
    real = normal(2000, FEATURES)
    assert samples.frechet(real, real + 2) == pytest.approx(4 * FEATURES, rel=1e-5)
    assert samples.frechet(real, real + 1) == pytest.approx(FEATURES, rel=1e-5)


@pytest.mark.parametrize("count", [1, 2, 10, 2000])
def test_dead_and_redundant_features_and_few_rows_are_no_trouble(count):
    features = normal(count, 84).relu()
    features[:, :40] = 0
    features[:, 40:60] = features[:, 60:80]
    assert samples.frechet(features, features) == pytest.approx(0, abs=1e-9)
    shifted = features + torch.arange(84) / 84
    expected = (torch.arange(84) / 84).square().sum().item()
    assert samples.frechet(features, shifted) == pytest.approx(expected, rel=1e-5)


# --- density and coverage ------------------------------------------------------------------------


def test_fresh_real_features_have_density_one_and_cover_nearly_all():
    real, fresh = normal(2000, FEATURES).chunk(2)
    density, coverage = samples.density_coverage(real, fresh)
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.03)


def test_coverage_of_fresh_real_features_depends_on_k_as_documented():
    real, fresh = normal(2000, 3).chunk(2)
    for k in (1, 2, 3):
        density, coverage = samples.density_coverage(real, fresh, k)
        assert density == pytest.approx(1, abs=0.1)
        assert coverage == pytest.approx(1 - 2**-k, abs=0.05)


def test_one_good_image_over_and_over_is_dense_but_covers_little():
    real = normal(1000, FEATURES)
    most_usual = real[real.norm(dim=1).argmin()]
    density, coverage = samples.density_coverage(real, most_usual.expand(1000, -1))
    assert density > 1
    assert coverage < 0.5
    usual = real[:1].expand(1000, -1)
    assert samples.density_coverage(real, usual)[1] < 0.1


def test_features_far_away_have_neither():
    real = normal(500, FEATURES)
    assert samples.density_coverage(real, real + 100) == (0, 0)


def test_half_of_the_modes_are_half_of_the_coverage():
    real, fresh = (normal(1000, FEATURES, seed=seed) for seed in range(2))
    real[::2] += 100
    density, coverage = samples.density_coverage(real, fresh)
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(0.5, abs=0.03)


def test_half_good_and_half_far_is_half_the_density():
    real, fresh = (normal(1000, FEATURES, seed=seed) for seed in range(2))
    fresh[::2] += 100
    assert samples.density_coverage(real, fresh)[0] == pytest.approx(0.5, abs=0.05)
    assert samples.density_coverage(real.numpy(), fresh.numpy())[0] == pytest.approx(0.5, abs=0.05)


def test_balls_are_counted_by_hand():
    real = torch.tensor([[0.0], [1], [3], [7]])  # radii to the nearest other one: 1, 1, 2, 4
    generated = torch.tensor([[0.5], [2.5], [50]])  # in the balls of 0 and 1, of 3, of none
    assert samples.density_coverage(real, generated, 1) == pytest.approx((1, 0.75))


@pytest.mark.parametrize("k", [0, 4])
def test_a_k_that_no_ball_can_have_is_an_error(k):
    with pytest.raises(ValueError, match=f"k = {k}: allowed are 1 to 3"):
        samples.density_coverage(normal(4, 2), normal(4, 2), k)


# --- memorising ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def splits():
    return data.load("mnist-5k", 500)


@pytest.fixture(scope="module")
def images(splits):
    """500 training images, 1000 held-out ones, and 1000 fresh ones."""
    return splits.train.images, splits.judge.images[:1000], splits.test.images[:1000]


def test_copies_are_found_at_distance_zero(images):
    training, _, _ = images
    order = torch.randperm(500, generator=torch.Generator().manual_seed(0)).repeat(3)
    assert len(order) > samples.CHUNK
    indices, distances = samples.nearest(training[order], training)
    assert torch.equal(indices, order)
    assert torch.equal(distances, torch.zeros(1500))
    assert (indices.dtype, distances.dtype) == (torch.int64, torch.float32)


def test_distances_are_rms_differences_in_grey_levels_range():
    training = torch.stack([torch.zeros(28, 28), torch.ones(28, 28)])
    indices, distances = samples.nearest(torch.full((1, 28, 28), 0.75), training)
    assert indices.tolist() == [1]
    assert distances.item() == pytest.approx(0.25)
    assert samples.nearest(1 - training, training[:1])[1].tolist() == [1, 0]


def test_nearest_is_what_comparing_one_by_one_finds(images):
    training, _, fresh = images
    indices, distances = samples.nearest(fresh[:20], training)
    for image, index, distance in zip(fresh, indices, distances, strict=False):
        apart = (training - image).square().mean((1, 2)).sqrt()
        assert apart.argmin() == index
        torch.testing.assert_close(apart.min(), distance)


def test_copies_are_memorised_fresh_images_as_often_as_documented_half_in_between(images):
    training, held_out, fresh = images
    usual = samples.usual_closeness(held_out, training)
    assert samples.memorised(training, training, usual) == 1
    none = samples.memorised(fresh, training, usual)
    assert none == pytest.approx(samples.FALSE_ALARMS, abs=0.025)
    half = torch.cat([training, fresh[:500]])
    assert samples.memorised(half, training, usual) == pytest.approx(0.525, abs=0.025)


def blurred(images):
    return torch.nn.functional.avg_pool2d(images, 3, 1, 1)


def test_a_copy_stays_one_when_blurred_or_noisy_and_blur_alone_is_no_copy(images):
    training, held_out, fresh = images
    usual = samples.usual_closeness(held_out, training)
    assert samples.memorised(blurred(training), training, usual) > 0.7
    noisy = training + 0.1 * normal(500, 28, 28)
    assert samples.memorised(noisy, training, usual) > 0.9
    assert samples.memorised(blurred(fresh), training, usual) < samples.FALSE_ALARMS


def test_fresh_digits_of_one_class_are_not_taken_for_copies(images, splits):
    training, held_out, _ = images
    usual = samples.usual_closeness(held_out, training)
    for label in range(10):
        fresh = splits.test.images[splits.test.labels == label]
        assert samples.memorised(fresh, training, usual) < 0.2


def test_copies_of_an_image_that_is_there_twice_are_copies(images):
    training, held_out, _ = images
    twice = training.repeat(2, 1, 1)
    assert samples.memorised(training, twice, samples.usual_closeness(held_out, twice)) == 1


def test_one_training_image_is_too_few_to_tell(images):
    training, held_out, _ = images
    with pytest.raises(ValueError, match="training holds 1 images"):
        samples.usual_closeness(held_out, training[:1])


# --- draws of a model's images, beside real ones -------------------------------------------------


class Planted:
    """A stand-in for a model whose draws of images from scratch are given."""

    content_table = normal(60, 2)

    def __init__(self, *draws):
        self.draws = [*draws]

    def decode(self, classes, content):
        self.asked = classes
        return self.draws.pop(0)


@pytest.fixture
def judged(monkeypatch):
    """Features are a few pixels, and every image is of class 0."""
    monkeypatch.setattr(samples, "features", lambda _, images: images.flatten(1)[:, 300:320])
    monkeypatch.setattr(samples, "predictions", lambda *_: torch.zeros(40, dtype=torch.int64))


def planted_digits(seed):
    return Digits(normal(40, 28, 28, seed=seed), torch.arange(40) % 4, tuple("abcd"), "noise")


def test_every_draw_is_measured_on_its_own(judged):
    training, held_out = planted_digits(0), planted_digits(1)
    subject = SimpleNamespace(glo=None, judge=None, digits=training, unseen=held_out)
    fresh = [normal(40, 28, 28, seed=seed) for seed in range(2, samples.DRAWS)]
    draws = [held_out.images, training.images, *fresh]
    subject.glo = Planted(*(4 * draws))
    found = samples.measure(subject)["samples"]
    assert found.keys() == set(PRIORS)
    of_prior = {name: values["draws"] for name, values in found["normal"].items()}
    assert of_prior["frechet"][0] == pytest.approx(0, abs=1e-9)
    assert min(of_prior["frechet"][1:]) > 1
    assert of_prior["coverage"][0] == 1
    assert of_prior["memorised"][1] == 1
    assert max(of_prior["memorised"][2:]) < 0.3
    assert of_prior["legible"] == [0.25] * samples.DRAWS
    assert torch.equal(subject.glo.asked, held_out.labels)


def test_draws_differ():
    asked = []

    class Asked(Planted):
        def decode(self, classes, content):
            asked.append(content)
            return super().decode(classes, content)

    images = normal(6, 28, 28)
    held_out = Digits(images, torch.arange(6) % 2, tuple("ab"), "noise")
    beside = samples.Beside(held_out, images.flatten(1)[:, :9], normal(6, 28, 28), torch.tensor(0))
    network = torch.nn.Sequential()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "features", lambda _, some: some.flatten(1)[:, :9])
        patch.setattr(samples, "predictions", lambda *_: held_out.labels)
        samples.quality(Asked(*[images] * samples.DRAWS), network, beside, "gaussian")
    assert len({float(codes.sum()) for codes in asked}) == samples.DRAWS


def test_real_images_reach_what_fresh_ones_of_the_same_classes_do(splits, judged, monkeypatch):
    held_out = splits.test.subset(range(200))
    monkeypatch.setattr(samples, "predictions", lambda *_: held_out.labels)
    found = samples.real_against_real(None, splits.train, held_out)
    assert found.keys() == {"frechet", "density", "coverage", "legible"}
    assert {len(values["draws"]) for values in found.values()} == {samples.DRAWS}
    assert len({*found["frechet"]["draws"]}) == samples.DRAWS  # other images each time
    assert found["legible"]["draws"] == [1] * samples.DRAWS


def test_real_images_have_the_classes_of_the_held_out_ones_and_come_once(splits):
    labels = splits.train.labels
    held_out = splits.test.subset(range(100))
    beside = samples.Beside(held_out, torch.zeros(0), torch.zeros(0), torch.zeros(0))
    found = samples._alike(labels, beside, seed=0)
    assert torch.equal(labels[found], held_out.labels)
    assert len(found.unique()) == len(found)
    few = samples._alike(labels[:40], beside, seed=0)  # fewer than are wanted
    assert torch.equal(labels[few], held_out.labels)
