import numpy as np
import pytest
from matplotlib.colors import to_rgb

from reports.show import plots, theme


def test_contrast_is_that_of_wcag():
    assert theme.contrast("k", "w") == pytest.approx(21)
    assert theme.contrast("#767676", "w") == pytest.approx(4.54, abs=0.01)  # WCAG's own example


def test_legible_colours_keep_their_hue():
    for color, _ in (*theme.LOSS_STYLES.values(), *theme.OTHER_STYLES):
        legible = theme.legible(color)
        assert theme.contrast(legible, "w") >= theme.LEAST_CONTRAST
        assert np.argmax(legible) == np.argmax(to_rgb(color))


def test_the_colours_of_sigma_are_told_apart_even_in_grey_and_show_on_white():
    colors = theme.sigma_colors(20)(range(20))
    assert len(np.unique(colors, axis=0)) == 20
    luminance = [theme.contrast(color[:3], "k") for color in colors]
    assert luminance == sorted(luminance)
    assert theme.contrast(colors[-1][:3], "w") > 1.4


def test_proportions_have_other_colours_than_sigma():
    assert theme.PROPORTION_COLORS != theme.SIGMA_COLORS
    plot = plots.heat_map(np.array([[0.5]]), ["a"], ["b"], "y", "x")
    assert plot.axes[0].collections[0].get_cmap().name == theme.PROPORTION_COLORS
