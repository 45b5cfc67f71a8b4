import io

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from PIL import Image

from reports.show import plots, theme
from reports.show.network import network_drawing

SIGMAS = [0, 1e-100, 0.1, 1000]


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_the_sigma_axis_sets_every_level_apart():
    plot = plots.against_sigma(SIGMAS, {"L1": [1, 2, 3, 4]}, "loss", {"chance": 0.5})
    axes = plot.axes[0]
    assert tick_labels(axes.xaxis) == ["0", "10⁻¹⁰⁰", "0.1", "1000"]
    assert np.unique(np.diff(axes.get_xticks())).tolist() == [1]


def test_intervals_are_drawn_as_a_band():
    values = np.array([[0.5, 0.4, 0.6]] * 4)
    plot = plots.against_sigma(SIGMAS, {"probe": values}, "accuracy")
    (band,) = plot.axes[0].collections
    vertices = band.get_paths()[0].vertices[:, 1]
    assert (vertices.min(), vertices.max()) == (0.4, 0.6)


def test_the_interval_of_a_single_level_can_be_seen():
    plot = plots.against_sigma([0.1], {"probe": [[0.5, 0.4, 0.6]]}, "accuracy")
    (band,) = plot.axes[0].collections
    assert band.get_linewidth()[0] > 0


def test_proportions_in_percent_have_ticks_from_0_to_100():
    proportions = {"a": [0.125, 1]}
    plain, percent = (
        plots.against_sigma([0, 1], proportions, "y", percent=chosen) for chosen in (False, True)
    )
    assert max(float(text) for text in tick_labels(plain.axes[0].yaxis)) <= 1.2
    assert {"20", "100"} <= {*tick_labels(percent.axes[0].yaxis)}


def test_epochs_are_whole_numbers():
    for count in (1, 2, 3, 50):
        plot = plots.against_epochs({"L1": np.linspace(1, 0, count)}, "y")
        ticks = plot.axes[0].get_xticks()
        assert np.array_equal(ticks, ticks.round())


def test_no_letter_is_smaller_than_7_points_in_print():
    printed = 0.8 * 15.8 / 2.54 / 5.2  # a plot is as wide as 0.8 of the page's text
    ratios = plots.against_sigma(range(20), {"L1": range(20)}, "y", {"a": 1}, list(range(20)))
    curves = plots.loss_curves(SIGMAS, np.ones((4, 1, 3)), "loss")
    network = network_drawing(25, 25)
    for plot in (ratios, curves, network):
        plot.draw_without_rendering()
        sizes = [float(text.get_fontsize()) for text in plot.findobj(Text) if text.get_text()]
        assert min(sizes) * printed >= 7


def test_loss_curves_have_a_colour_and_a_name_for_each_sigma():
    plot = plots.loss_curves(SIGMAS, np.random.default_rng(0).random((4, 3, 7)), "loss")
    curves = plot.axes[0].lines
    assert len({line.get_color() for line in curves}) == 4
    assert curves[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(plot.axes[0].collections) == 4  # the bands over seeds
    assert tick_labels(plot.axes[1].yaxis) == ["0", "10⁻¹⁰⁰", "0.1", "1000"]


def test_a_heat_map_writes_every_number():
    plot = plots.heat_map(np.array([[0.25, 1.0]]), ["L1"], ["0", "1"], "loss", "σ")
    assert [text.get_text() for text in plot.axes[0].texts] == ["0.25", "1.00"]


def test_every_number_of_a_heat_map_can_be_read_on_its_colour():
    values = np.linspace(0, 1, 101)[None]
    axes = plots.heat_map(values, ["a"], [""] * 101, "y", "x").axes[0]
    (cells,) = axes.collections
    for text, value in zip(axes.texts, values[0], strict=True):
        assert theme.contrast(text.get_color(), cells.cmap(cells.norm(value))[:3]) >= 4.5


def test_the_frontier_has_every_model_in_both_plots_and_names_those_with_a_name():
    points = [
        plots.Point(0.1, 0.04, 0.9, 0.1, "o", False),
        plots.Point(1, 0.05, 0.95, 0.5, "s", True, "ours"),
    ]
    plot = plots.frontier_plot([0.1, 1], points, (0.035, 0.99, 0.2))
    left, right = plot.axes[:2]
    marks = [each for each in left.collections if isinstance(each, PathCollection)]
    places = [tuple(mark.get_offsets()[0]) for mark in marks]
    assert (0.04, 0.9) in places
    assert (0.05, 0.95) in places
    (shade,) = {*left.collections} - {*marks}
    assert all(shade.get_zorder() < mark.get_zorder() for mark in marks)  # it hides none
    assert [text.get_text() for text in right.texts] == ["ours"]


def test_every_level_to_compare_with_is_a_line_of_its_own():
    levels = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4}
    plot = plots.against_sigma([0, 1], {"L1": [0, 1]}, "y", levels)
    _, *lines = plot.axes[0].lines
    assert [line.get_ydata()[0] for line in lines] == [*levels.values()]
    assert len({line.get_linestyle() for line in lines}) == 3


def test_the_ratios_stand_above_the_noise_levels():
    plot = plots.against_sigma([0, 1], {"a": [0.1, 0.2]}, "y", ratios=[0, 0.523])
    (above,) = plot.axes[0].child_axes
    assert tick_labels(above.xaxis) == ["0", "0.52"]


def test_places_are_where_a_point_is_seen():
    values = np.zeros((3, 5))
    values[0, 4] = 1  # one dark cell, off the diagonal
    plot = plots.heat_map(values, list("abc"), list("vwxyz"), "row", "column")
    file = io.BytesIO()
    plot.savefig(file, dpi=100)
    picture = np.asarray(Image.open(file).convert("L")).astype(int)
    height, width = picture.shape
    cells = [(4, 0), (0, 0), (4, 2)]  # beside the number that is written in the middle
    beside = [(x + 0.4, y) for x, y in cells]
    seen = [
        picture[round(y * height), round(x * width)]
        for x, y in plots.places(plot, plot.axes[0], beside)
    ]
    assert seen[0] < 100
    assert min(seen[1:]) > 230
