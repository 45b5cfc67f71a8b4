"""Style on images of known measures."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from glo_core import data
from glo_core.measures import style
from glo_core.measures.style import FEATURES


def bar(height, width, top=4, left=5):
    image = torch.zeros(28, 28)
    image[top : top + height, left : left + width] = 1
    return image


def leaning(degrees, width=3.0, height=20, centre=13.5):
    """A bar whose rows are moved, with the pixels at its edges as grey as they are covered."""
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    middle = centre - (rows - 13.5) * math.tan(math.radians(degrees))
    covered = (width / 2 + 0.5 - (columns - middle).abs()).clip(0, 1)
    return covered * ((rows - 13.5).abs() < height / 2)


def measured(*images):
    """Each feature of the images: a dictionary of (M,) arrays."""
    return dict(zip(FEATURES, style.style(torch.stack(images)).T, strict=True))


# --- the style of a image ----------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(20, 3), (20, 4), (2, 15), (5, 18), (1, 9), (1, 1)])
def test_a_drawn_bar_has_its_measures(height, width):
    found = measured(bar(height, width))
    assert found["slant"] == pytest.approx(0, abs=1e-9)
    assert found["width"] == pytest.approx(width, abs=0.51)  # 2 % of a long side may be cut
    assert found["height"] == pytest.approx(height, abs=0.51)
    assert found["thickness"] == pytest.approx(min(height, width), abs=0.3)
    assert found["area"] == pytest.approx(height * width, abs=0.01)


@pytest.mark.parametrize("degrees", [-40, -15, 0, 10, 35])
def test_a_leaning_bar_has_its_slant_and_the_width_that_it_had_upright(degrees):
    found = measured(leaning(degrees))
    assert found["slant"] == pytest.approx(degrees, abs=1)
    assert found["width"] == pytest.approx(3, abs=0.5)
    assert found["height"] == pytest.approx(19.5, abs=0.51)  # 2 % at each end may be cut
    # A stroke's thickness is measured across it, which a shear makes less.
    across = 3 * math.cos(math.radians(degrees))
    assert found["thickness"] == pytest.approx(across, abs=0.3)


def test_a_stray_speck_does_not_widen_the_box():
    speck = bar(20, 6)
    speck[14, 25] = 1
    assert measured(speck)["width"] == pytest.approx(6, abs=0.5)


def test_style_does_not_depend_on_where_or_how_bright_the_ink_is():
    plain = leaning(20)
    moved, faint = plain.roll((2, -3), (0, 1)), 0.3 * plain
    for values in measured(plain, moved, faint).values():
        assert values == pytest.approx(np.full(3, values[0]), abs=1e-9)


def test_a_image_at_its_border_is_measured_like_any_other():
    inside, corner = bar(28, 4, top=0, left=9), bar(28, 4, top=0, left=0)
    for values in measured(inside, corner, inside).values():
        assert values == pytest.approx(np.full(3, values[0]), abs=1e-9)


def test_images_measured_together_do_not_touch_each_other(monkeypatch):
    images = torch.stack([bar(28, 28, 0, 0), leaning(30), bar(28, 3, 0), bar(3, 28, 25, 0)])
    alone = np.concatenate([style.style(image[None]) for image in images])
    assert np.array_equal(style.style(images), alone)
    monkeypatch.setattr(style, "CHUNK", 3)
    assert np.array_equal(style.style(images), alone)


def test_the_nearest_background_is_where_the_distance_transform_finds_it():
    tiles = np.zeros((3, 30, 20), bool)
    tiles[0, 1:-1, 1:-1] = True
    tiles[1:, 1:-1, 1:-1] = np.random.default_rng(0).random((2, 28, 18)) < 0.95
    places = tiles.nonzero()
    expected = np.stack([distance_transform_edt(tile) for tile in tiles])[places]
    assert np.array_equal(style._radii(tiles, places), expected)


def test_a_blank_image_has_no_style_and_spoils_no_other():
    found = style.style(torch.stack([bar(20, 3), torch.zeros(28, 28), bar(20, 3)]))
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[0]).all()
    assert np.array_equal(found[0], found[2])
    assert style.style(torch.zeros(0, 28, 28)).shape == (0, len(FEATURES))


def test_real_digits_have_plausible_styles():
    digits = data.load("mnist-5k", 300).train
    found = measured(*digits.images)
    for name, low, high in [
        ("slant", -60, 60),
        ("thickness", 1, 7),
        ("width", 1.5, 21),  # MNIST digits fill a box of 20 x 20
        ("height", 6, 21),
        ("area", 20, 300),
    ]:
        assert low < found[name].min() <= found[name].max() < high, name
    assert 2 < np.median(found["thickness"]) < 3.5
    assert np.median(found["slant"]) > 0  # most hands lean to the right
    narrow = {c: np.median(found["width"][digits.labels == c]) for c in range(10)}
    assert min(narrow, key=narrow.__getitem__) == 1
