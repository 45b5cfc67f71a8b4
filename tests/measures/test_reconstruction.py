"""How alike images are, on known distances."""

import json
from types import SimpleNamespace

import pytest
import torch
from skimage.metrics import structural_similarity

from glo_core.measures import reconstruction

# --- how alike images are ----------------------------------------------------------------------


def means(generated, images):
    """Each error, its mean over the images."""
    found = reconstruction.errors(generated, images)
    assert {tuple(each.shape) for each in found.values()} == {(len(images),)}
    return {name: float(each.mean()) for name, each in found.items()}


def test_a_perfect_image_has_no_error_and_the_best_of_every_score(digits):
    found = means(digits.images, digits.images)
    assert found == {"l1": 0, "l2": 0, "psnr": pytest.approx(100), "ssim": pytest.approx(1)}


def test_a_known_offset_is_measured():
    dark, grey = torch.zeros(3, 28, 28), torch.full((3, 28, 28), 0.5)
    found = means(grey, dark)
    assert found["l1"] == 0.5
    assert found["l2"] == 0.25
    assert found["psnr"] == pytest.approx(6.0206, abs=1e-4)  # 20 log10(1 / 0.5)
    c1 = 0.01**2
    assert found["ssim"] == pytest.approx(c1 / (0.25 + c1))  # flat: only the means count


def test_half_way_is_half_the_l1_a_quarter_of_the_l2_and_six_decibels(digits):
    blurred = digits.images.mean(0).expand_as(digits.images)
    none = means(blurred, digits.images)
    half = means((blurred + digits.images) / 2, digits.images)
    assert half["l1"] == pytest.approx(none["l1"] / 2, rel=1e-4)
    assert half["l2"] == pytest.approx(none["l2"] / 4, rel=1e-4)
    assert half["psnr"] == pytest.approx(none["psnr"] + 6.0206, abs=1e-3)
    assert none["ssim"] < half["ssim"] < 1


def test_every_image_has_errors_of_its_own():
    images = torch.zeros(2, 28, 28)
    generated = torch.stack([torch.full((28, 28), 0.1), torch.full((28, 28), 0.01)])
    found = reconstruction.errors(generated, images)
    assert found["l1"].tolist() == pytest.approx([0.1, 0.01])
    assert found["psnr"].tolist() == pytest.approx([20, 40], abs=1e-3)


def test_errors_are_kept_image_by_image_and_fidelity_is_one_number(splits):
    digits = splits.train.subset(range(60))
    half = (digits.images + digits.images.mean(0)) / 2
    half[7] = digits.images[7]
    subject = SimpleNamespace(seen=digits, reconstructions=half)
    found = json.loads(json.dumps(reconstruction.measure(subject), allow_nan=False))
    errors = found["reconstruction_l1"]["images"]
    assert len(errors) == 60
    assert [k for k, each in enumerate(errors) if each == 0] == [7]
    assert 0 < found["fidelity"] < 1


def test_structural_similarity_equals_scikit_images(splits):
    digits = splits.train
    images, generated = digits.images[:20], digits.images[20:40].clone()
    generated[:10] = (images[:10] + 0.2 * digits.images[40:50]).clamp(0, 1)
    expected = [
        structural_similarity(
            *(image.double().numpy() for image in pair),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
        )
        for pair in zip(generated, images, strict=True)
    ]
    found = reconstruction.ssim(generated, images)
    torch.testing.assert_close(found, torch.tensor(expected).double(), atol=1e-6, rtol=0)


# --- sharp and various --------------------------------------------------------------------------


def test_a_checkerboard_is_sharp_a_flat_image_is_not_and_a_blend_is_half():
    board = (torch.arange(28)[:, None] + torch.arange(28)) % 2
    board = board.float().expand(3, 28, 28)
    assert reconstruction.sharpness(board) == 1
    assert reconstruction.sharpness(torch.full((3, 28, 28), 0.5)) == 0
    assert reconstruction.sharpness(0.5 * board + 0.25) == pytest.approx(0.5)


def test_images_of_one_class_that_are_all_alike_have_no_variety():
    labels = torch.tensor([0, 0, 1, 1])
    alike = torch.stack([torch.zeros(28, 28)] * 2 + [torch.ones(28, 28)] * 2)
    assert reconstruction.variety(alike, labels) == 0
    different = torch.stack([torch.zeros(28, 28), torch.ones(28, 28)] * 2)
    assert reconstruction.variety(different, labels) == 0.25
