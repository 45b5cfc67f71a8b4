import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.colors import to_rgb

from reports.show import theme
from reports.show.heat_map import heat_map


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
    plot = heat_map(np.array([[0.5]]), ["a"], ["b"], "y", "x")
    assert plot.axes[0].collections[0].get_cmap().name == theme.PROPORTION_COLORS


# Settings of a user, each of which would change figures or break them
HOSTILE = """
text.usetex: True
font.family: monospace
font.size: 30
figure.facecolor: black
axes.facecolor: black
text.color: red
axes.prop_cycle: cycler("color", ["r", "g"])
lines.linewidth: 9
savefig.dpi: 33
savefig.bbox: tight
savefig.transparent: True
svg.fonttype: none
axes.formatter.use_locale: True
axes.unicode_minus: False
path.sketch: 1, 100, 2
"""
DRAWING = """
import sys
import numpy as np
from reports.show import plots, publish
from reports.show.heat_map import heat_map
one = heat_map(np.eye(2), ["a$b$", "c"], ["d", "e"], "y", "x")
other = plots.against_sigma([0, 1], {"L1": [-1, 2]}, "loss", {"chance": 0.5})
for plot in (one, other):
    sys.stdout.write(publish._still(plot)["image/svg+xml"])
"""


@pytest.mark.slow
def test_figures_do_not_depend_on_the_settings_of_a_user(tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE, encoding="utf-8")
    settings: list[dict[str, str]] = [
        {"MATPLOTLIBRC": ""},
        {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "MPLBACKEND": "qtagg"},
    ]
    drawing = [
        subprocess.Popen(
            [sys.executable, "-c", DRAWING],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"} | given,
            cwd=tmp_path / "..",
            stdout=subprocess.PIPE,
        )
        for given in settings
    ]
    plain, hostile = (process.communicate()[0] for process in drawing)
    assert plain.count(b"</svg>") == 2
    assert hostile == plain
