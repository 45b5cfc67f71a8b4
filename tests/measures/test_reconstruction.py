"""Redrawing on planted truth: known distances, a model's own pictures, classes it must find."""

import json
from dataclasses import replace

import pytest
import torch
from skimage.metrics import structural_similarity

from glo_core import data
from glo_core.generator import seeded_plain
from glo_core.latents import fitted_gaussian
from glo_core.measures import reconstruction
from glo_core.recipe import Recipe
from glo_core.training import train

CLASSES, DRAWN = 10, 40


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist-5k", 500).train


@pytest.fixture(scope="module")
def glo(digits):
    return train([Recipe(sigma=0.1, epochs=25, learning_rate=1e-2, latent_rate=1e-2)], digits)[0]


@pytest.fixture(scope="module")
def planted(glo):
    """Classes, typical content codes, and what the model draws with both."""
    labels = torch.arange(DRAWN) % CLASSES
    mean, factor = fitted_gaussian(glo.content_table)
    draws = torch.randn(DRAWN, len(mean), generator=torch.Generator().manual_seed(0))
    draws = draws.renorm(2, 0, 4)  # inside the ball, whose radius is 5
    codes = mean + draws @ factor.T
    return labels, codes, glo.decode(labels, codes)


# --- how alike pictures are ----------------------------------------------------------------------


def test_a_perfect_picture_has_no_error_and_the_best_of_every_score(digits):
    found = reconstruction.errors(digits.images, digits.images)
    assert found == {"l1": 0, "l2": 0, "psnr": pytest.approx(100), "ssim": pytest.approx(1)}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_known_offset_is_measured():
    dark, grey = torch.zeros(3, 28, 28), torch.full((3, 28, 28), 0.5)
    found = reconstruction.errors(grey, dark)
    assert found["l1"] == 0.5
    assert found["l2"] == 0.25
    assert found["psnr"] == pytest.approx(6.0206, abs=1e-4)  # 20 log10(1 / 0.5)
    c1 = 0.01**2
    assert found["ssim"] == pytest.approx(c1 / (0.25 + c1))  # flat: only the means count


def test_half_way_is_half_the_l1_a_quarter_of_the_l2_and_six_decibels(digits):
    blurred = digits.images.mean(0).expand_as(digits.images)
    none = reconstruction.errors(blurred, digits.images)
    half = reconstruction.errors((blurred + digits.images) / 2, digits.images)
    assert half["l1"] == pytest.approx(none["l1"] / 2, rel=1e-4)
    assert half["l2"] == pytest.approx(none["l2"] / 4, rel=1e-4)
    assert half["psnr"] == pytest.approx(none["psnr"] + 6.0206, abs=1e-3)
    assert none["ssim"] < half["ssim"] < 1


def test_psnr_averages_the_pictures_own():
    images = torch.zeros(2, 28, 28)
    drawn = torch.stack([torch.full((28, 28), 0.1), torch.full((28, 28), 0.01)])
    assert reconstruction.errors(drawn, images)["psnr"] == pytest.approx(30, abs=1e-3)  # 20 and 40


def test_structural_similarity_equals_scikit_images(digits):
    images, drawn = digits.images[:20], digits.images[20:40].clone()
    drawn[:10] = (images[:10] + 0.2 * digits.images[40:50]).clamp(0, 1)
    expected = [
        structural_similarity(
            *(picture.double().numpy() for picture in pair),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
        )
        for pair in zip(drawn, images, strict=True)
    ]
    found = reconstruction.ssim(drawn, images)
    torch.testing.assert_close(found, torch.tensor(expected).double(), atol=1e-6, rtol=0)


# --- codes of new images -------------------------------------------------------------------------


def distances(drawn, images):
    return (drawn - images).abs().mean((1, 2))


def test_what_the_model_drew_itself_is_redrawn_nearly_perfectly(glo, planted):
    labels, _, pictures = planted
    start = glo.decode(labels, glo.content_table.mean(0).expand(DRAWN, -1))
    fitted = reconstruction.fit(glo, pictures, labels, 300)
    found, least = (distances(drawn, pictures) for drawn in (glo.decode(labels, fitted), start))
    assert found.mean() < 0.1 * least.mean()
    assert found.mean() < 0.01


@pytest.mark.parametrize("loss", ["l2", "l1+l2"])
def test_codes_follow_the_recipes_own_loss(glo, digits, loss):
    images, labels = digits.images[:100], digits.labels[:100]
    other = replace(glo, recipe=glo.recipe.model_copy(update={"loss": loss}))
    by_l1, by_other = (
        reconstruction.errors(
            model.decode(labels, reconstruction.fit(model, images, labels)), images
        )
        for model in (glo, other)
    )
    assert by_other["l2"] < by_l1["l2"]
    if loss == "l2":
        assert by_l1["l1"] < by_other["l1"]


def test_codes_stay_where_the_learned_ones_lie(glo, digits):
    fitted = reconstruction.fit(glo, digits.images[:50], (digits.labels[:50] + 1) % CLASSES)
    mean, factor = fitted_gaussian(glo.content_table)
    lengths, learned = (
        torch.linalg.solve_triangular(factor, (codes - mean).T, upper=False).norm(dim=0)
        for codes in (fitted, glo.content_table)
    )
    assert learned.square().mean().sqrt() == pytest.approx(5, rel=0.01)
    assert lengths.max() == pytest.approx(5, rel=0.01)


def test_more_images_than_a_batch_are_fitted_in_order(glo, planted):
    labels, _, pictures = planted
    times = reconstruction.BATCH // DRAWN + 1
    many = reconstruction.fit(glo, pictures.repeat(times, 1, 1), labels.repeat(times), 5)
    expected = reconstruction.fit(glo, pictures, labels, 5).repeat(times, 1)
    torch.testing.assert_close(many, expected, atol=1e-3, rtol=0)


def test_fitting_is_deterministic_and_leaves_the_model_and_the_callers_state_alone(glo, planted):
    labels, _, pictures = planted
    before = {name: value.clone() for name, value in glo.network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        first = reconstruction.fit(glo, pictures, labels, 5)
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first, reconstruction.fit(glo, pictures, labels, 5))
    assert not first.requires_grad
    for name, value in glo.network.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(weight.grad is None and weight.requires_grad for weight in glo.network.parameters())
    assert not glo.network.training


def test_a_class_there_is_not_is_an_error(glo, planted):
    with pytest.raises(IndexError):
        reconstruction.fit(glo, planted[2][:1], torch.tensor([CLASSES]), 1)


# --- the model as a classifier -------------------------------------------------------------------


def test_pictures_are_given_the_class_they_were_drawn_with(glo, planted):
    labels, _, pictures = planted
    predicted, losses = reconstruction.classify(glo, pictures)
    assert losses.shape == (DRAWN, CLASSES)
    assert torch.equal(losses.argmin(1), predicted)
    assert (predicted == labels).float().mean() > 0.9
    own = reconstruction.fit(glo, pictures, labels, reconstruction.CLASSIFY_STEPS)
    expected = distances(glo.decode(labels, own), pictures)
    torch.testing.assert_close(losses[torch.arange(DRAWN), labels], expected, atol=2e-3, rtol=0)


def test_with_the_class_codes_permuted_the_answers_are_permuted(glo, planted):
    labels, _, pictures = planted
    shifted = replace(glo, class_table=glo.class_table.roll(1, 0))  # class k now lies at k + 1
    predicted, _ = reconstruction.classify(shifted, pictures)
    assert (predicted == labels).float().mean() < 0.1
    assert (predicted == (labels + 1) % CLASSES).float().mean() > 0.9


def test_a_model_whose_classes_share_one_code_is_at_chance(glo, planted):
    labels, _, pictures = planted
    same = replace(glo, class_table=glo.class_table.mean(0).expand(CLASSES, -1))
    predicted, losses = reconstruction.classify(same, pictures, 5)
    torch.testing.assert_close(losses, losses[:, :1].expand_as(losses), atol=1e-4, rtol=0)
    assert (predicted == labels).float().mean() < 0.3


def test_a_model_without_class_codes_is_fitted_and_at_chance(glo, planted):
    labels, codes, _ = planted
    network = seeded_plain(codes.shape[1], 0).eval()
    classless = replace(glo, network=network, class_table=torch.zeros(CLASSES, 0))
    pictures = classless.decode(labels, codes)
    start = classless.decode(labels, classless.content_table.mean(0).expand(DRAWN, -1))
    fitted = reconstruction.fit(classless, pictures, labels)
    redrawn = classless.decode(labels, fitted)
    assert distances(redrawn, pictures).mean() < 0.3 * distances(start, pictures).mean()
    predicted, _ = reconstruction.classify(classless, pictures, 5)
    assert (predicted == labels).float().mean() < 0.3
