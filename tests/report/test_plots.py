import io

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Annotation, Text
from PIL import Image

from reports.show import plots
from reports.show.heat_map import heat_map
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
    style = plots.style_plot(MARKS, {"a": 0.5}, (0.25, 0.6), 0.1)
    sizes = plots.against_sizes([1, 2], {"a": [0.1, 0.2]}, "y", 0.1)
    network = network_drawing(25, 25)
    for plot in (ratios, curves, style, sizes, network):
        plot.draw_without_rendering()
        letters = [float(text.get_fontsize()) for text in plot.findobj(Text) if text.get_text()]
        assert min(letters) * printed >= 7


def test_loss_curves_have_a_colour_and_a_name_for_each_sigma():
    plot = plots.loss_curves(SIGMAS, np.random.default_rng(0).random((4, 3, 7)), "loss")
    curves = plot.axes[0].lines
    assert len({line.get_color() for line in curves}) == 4
    assert curves[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(plot.axes[0].collections) == 4  # the bands over seeds
    assert tick_labels(plot.axes[1].yaxis) == ["0", "10⁻¹⁰⁰", "0.1", "1000"]


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


MARKS = [
    plots.Mark("corrected", 0.5, 0.1, 0, [(0.6, 0.2), (0.5, 0.1), (0.1, 0.0)], "σ = 0"),
    plots.Mark("ours", 0.2, 0.8, 2),
]


def test_methods_stand_at_their_leakage_and_style_and_lines_go_through_their_variants():
    plot = plots.style_plot(MARKS, {"nearest": 0.7, "transport": 0.6}, (0.25, 0.65), 0.1)
    (axes,) = plot.axes
    marks = [each for each in axes.collections if isinstance(each, PathCollection)]
    assert [tuple(mark.get_offsets()[0]) for mark in marks] == [(0.5, 0.1), (0.2, 0.8)]
    varied, *levels, chance = axes.lines
    assert varied.get_xydata().tolist() == [[0.6, 0.2], [0.5, 0.1], [0.1, 0.0]]
    assert [line.get_ydata()[0] for line in levels] == [0.7, 0.6]
    assert chance.get_xdata() == [0.1, 0.1]
    shown = [text.get_text() for text in axes.texts]
    assert shown == ["σ = 0", "corrected", "transport", "nearest", "ours"]
    colors = [tuple(mark.get_facecolor()[0]) for mark in marks]
    assert len({*colors}) == 2
    (shade,) = {*axes.collections} - {*marks}
    corner = shade.get_paths()[0].vertices
    assert corner.min(0).tolist() == [0, 0.65]
    assert corner.max(0).tolist() == [0.25, 1]


def test_no_method_falls_out_of_the_plot_of_style():
    marks = [plots.Mark("a", 0.9, 1.2, 0), plots.Mark("b", 0.1, -0.1, 1, [(0.95, 0.1)], "first")]
    (axes,) = plots.style_plot(marks, {}, (0.25, 0.6), 0.1).axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < 0.1
    assert right > 0.95
    assert bottom < -0.1
    assert top > 1.2


def test_accuracies_stand_above_how_many_codes_were_learned_from():
    curves = {str(k): [0.1 + k / 100, 0.2 + k / 100] for k in range(8)}
    (axes,) = plots.against_sizes([250, 2000], curves, "y", 0.1).axes
    assert tick_labels(axes.xaxis) == ["250", "2,000"]
    *drawn, chance = axes.lines
    assert [line.get_ydata().tolist() for line in drawn] == [*curves.values()]
    assert len({(line.get_color(), line.get_marker()) for line in drawn}) == len(curves)
    assert chance.get_ydata() == [0.1, 0.1]


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
    plot = heat_map(values, list("abc"), list("vwxyz"), "row", "column")
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


def test_where_a_model_has_diverged_curves_have_a_gap_and_it_is_said():
    values = np.array([[0.5, 0.4, 0.6], [0.6, 0.5, 0.7], [0.7, 0.6, 0.8]])
    ratios = [0, 0.1, 900]
    plot = plots.against_sigma([0, 0.1, 1000], {"L1": values}, "y", None, ratios, gaps=[1, 1e38])
    axes = plot.axes[0]
    assert tick_labels(axes.xaxis) == ["0", "0.1", "1", "1000", "10³⁸"]
    (line,) = axes.lines
    assert np.isnan(line.get_ydata()).tolist() == [False, False, True, False, True]
    said = [text.get_position()[0] for text in axes.texts if text.get_text() == "diverged"]
    assert said == [2, 4]
    (name,) = [text for text in axes.texts if isinstance(text, Annotation)]
    assert name.xy == (3, 0.7)
    (above,) = axes.child_axes
    assert above.get_xticks().tolist() == [0, 1, 3]


def test_a_seed_that_has_diverged_leaves_the_others_their_band():
    losses = np.array([[[0.5, 0.4], [0.7, np.nan], [0.6, 0.5]]])
    axes = plots.loss_curves([0.1], losses, "loss").axes[0]
    assert axes.lines[0].get_ydata() == pytest.approx([0.6, 0.45])
