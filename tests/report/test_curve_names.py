from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text

from reports.show import plots
from reports.show.curve_names import _apart
from reports.show.theme import LEAST_CONTRAST, contrast

CROWDED = {
    "curves that end alike": (
        {name: [0.2, 0.99] for name in ("L1", "L2", "L1+L2", "Laplacian")},
        {"judge on real images": 0.98, "naming one class": 0.99},
    ),
    "low ends": (
        {f"curve number {k}": [k, k / 100] for k in range(4)},
        {"real images": 0.0, "MLP, shuffled labels": 0.01},
    ),
}


def names_of_curves(plot):
    """The names at the curves' ends, with the boxes that they fill on the page, from below."""
    plot.draw_without_rendering()
    names = [text for text in plot.axes[0].texts if text.get_text()]
    return sorted(
        ((name, Text.get_window_extent(name)) for name in names), key=lambda pair: pair[1].y0
    )


def crowded_plots(case):
    curves, lines = CROWDED[case]
    one = {name: ends[1:] for name, ends in curves.items()}
    yield {*curves, *lines}, plots.against_sigma([0], one, "y", lines)
    yield {*curves, *lines}, plots.against_sigma([0, 1], curves, "y", lines, [0, 1])
    yield {*curves}, plots.against_epochs(curves, "y")


@pytest.mark.parametrize("case", CROWDED)
def test_every_curve_is_named_once_beside_the_plot_and_no_name_hides_another(case):
    for wanted, plot in crowded_plots(case):
        assert plot.axes[0].get_legend() is None
        names = names_of_curves(plot)
        assert sorted(name.get_text().replace("\n", " ") for name, _ in names) == sorted(wanted)
        axes, page = plot.axes[0].get_window_extent(), plot.bbox
        for _, box in names:
            assert box.x0 > axes.x1
            assert page.x0 <= box.x0 < box.x1 <= page.x1, "a name is cut off"
            assert page.y0 <= box.y0 < box.y1 <= page.y1, "a name is cut off"
        for (_, below), (_, above) in pairwise(names):
            assert below.y1 <= above.y0, "names overlap"


def test_names_never_overlap_and_stay_in_the_column_and_in_order():
    stream = np.random.default_rng(0)
    for _ in range(300):
        heights = stream.uniform(0.02, 0.1, stream.integers(1, 9))
        places = np.sort(stream.choice([0, 0.5, 1]) + stream.normal(0, 0.2, len(heights)))
        found = np.array(_apart(places.tolist(), heights.tolist()))
        low, high = found - heights / 2, found + heights / 2
        assert low[0] >= -1e-9
        assert high[-1] <= 1 + 1e-9
        assert (high[:-1] <= low[1:] + 1e-9).all()


def test_names_stand_in_the_order_of_the_curves_ends_and_lines_lead_to_them():
    curves = {"L1": [1, 0.3], "L2": [2, 0.1], "L1+L2": [3, 0.2]}
    names = names_of_curves(plots.against_sigma([0, 1], curves, "y"))
    assert [name.get_text() for name, _ in names] == ["L2", "L1+L2", "L1"]
    assert [name.xy for name, _ in names] == [(1, 0.1), (1, 0.2), (1, 0.3)]
    assert all(name.arrow_patch is not None for name, _ in names)


def test_a_name_with_room_stands_at_the_height_of_its_end():
    plot = plots.against_sigma([0, 1], {"a": [0, 0.5], "b": [1, 1]}, "y")
    (low, box), _ = names_of_curves(plot)
    end = plot.axes[0].transData.transform(low.xy)[1]
    assert (box.y0 + box.y1) / 2 == pytest.approx(end, abs=1)


def test_names_can_be_read_on_white():
    plot = plots.against_sigma([0, 1], {"L1": [0, 1], "b": [1, 2], "c": [2, 3]}, "y", {"d": 1})
    for name, _ in names_of_curves(plot):
        assert contrast(name.get_color(), "w") >= LEAST_CONTRAST
