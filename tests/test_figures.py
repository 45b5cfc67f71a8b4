import numpy as np
import pytest
import torch
from PIL import Image

from glo_core import figures


@pytest.mark.parametrize(
    ("sigma", "name"),
    [(0, "0"), (1e-100, "10⁻¹⁰⁰"), (1e-5, "10⁻⁵"), (3e-3, "3·10⁻³"), (0.1, "0.1"), (1000, "1000")],
)
def test_sigma_is_written_as_people_write_it(sigma, name):
    assert figures.sigma_name(sigma) == name


def test_a_mosaic_holds_each_picture_in_its_place_as_dark_ink():
    images = torch.zeros(2, 3, 28, 28)
    images[1, 2] = 1
    picture = np.asarray(figures.mosaic(images, scale=2))
    cell, gap = 56, 2
    assert picture.shape == (2 * (cell + gap) - gap, 3 * (cell + gap) - gap)
    assert (picture[-cell:, -cell:] == 0).all()
    assert picture[:cell].min() == 255


def test_float_and_byte_pictures_make_the_same_mosaic():
    images = torch.rand(1, 2, 28, 28)
    as_bytes = (images * 255).round().byte()
    assert np.array_equal(figures.mosaic(images), figures.mosaic(as_bytes))


def test_names_of_rows_and_columns_fit_beside_the_pictures():
    images = torch.zeros(1, 1, 28, 28)
    bare = figures.mosaic(images)
    named = figures.mosaic(images, rows=["a long name"], columns=["real"])
    assert named.width > bare.width
    assert named.height > bare.height
    band = np.asarray(named)
    assert band[:, 0].min() == 255, "the row's name is cut off"
    assert band[:, : named.width - bare.width].min() < 100


def test_a_column_name_wider_than_its_column_is_cut_short():
    images = torch.zeros(1, 2, 28, 28)
    short = np.asarray(figures.mosaic(images, columns=["a", "b"]))
    long = np.asarray(figures.mosaic(images, columns=["a very long name", "b"]))
    assert short.shape == long.shape
    assert np.array_equal(short[:, 58:], long[:, 58:]), "the name runs into the next column"


def test_a_film_strip_has_room_for_every_frame_and_name():
    frames = [Image.new("L", (100, 40), value) for value in (0, 50, 100)]
    strip = figures.stack(frames, ["a", "b", "c"], columns=2)
    assert strip.width > 2 * 100
    assert strip.height > 2 * 40
    assert {0, 50, 100} <= set(np.unique(strip))
    assert not np.asarray(strip)[:40, :100].any()  # the picture is on top, its name below it


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


SIGMAS = [0, 1e-100, 0.1, 1000]


def test_the_sigma_axis_sets_every_level_apart():
    plot = figures.against_sigma(SIGMAS, {"L1": [1, 2, 3, 4]}, "loss", {"chance": 0.5})
    axes = plot.axes[0]
    assert tick_labels(axes.xaxis) == ["0", "10⁻¹⁰⁰", "0.1", "1000"]
    assert np.unique(np.diff(axes.get_xticks())).tolist() == [1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["L1", "chance"]


def test_intervals_are_drawn_as_a_band():
    values = np.array([[0.5, 0.4, 0.6]] * 4)
    plot = figures.against_sigma(SIGMAS, {"probe": values}, "accuracy")
    (band,) = plot.axes[0].collections
    vertices = band.get_paths()[0].vertices[:, 1]
    assert (vertices.min(), vertices.max()) == (0.4, 0.6)


def test_loss_curves_have_a_colour_and_a_name_for_each_sigma():
    plot = figures.loss_curves(SIGMAS, np.random.default_rng(0).random((4, 3, 7)), "loss")
    curves = plot.axes[0].lines
    assert len({line.get_color() for line in curves}) == 4
    assert curves[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert len(plot.axes[0].collections) == 4  # the bands over seeds
    assert tick_labels(plot.axes[1].yaxis) == ["0", "10⁻¹⁰⁰", "0.1", "1000"]


def test_a_heat_map_writes_every_number():
    plot = figures.heat_map(np.array([[0.25, 1.0]]), ["L1"], ["0", "1"], "loss", "σ")
    assert [text.get_text() for text in plot.axes[0].texts] == ["0.25", "1.00"]


def test_the_network_drawing_shows_the_real_shapes():
    texts = [text.get_text() for text in figures.network_drawing(25, 25).axes[0].texts]
    assert {"84", "120", "400", "16×5×5", "16×10×10", "16×14×14", "16×28×28", "1×28×28"} <= {*texts}


def test_the_frontier_has_every_model_in_both_plots_and_names_those_with_a_name():
    points = [
        figures.Point(0.1, 0.04, 0.9, 0.1, "o", False),
        figures.Point(1, 0.05, 0.95, 0.5, "s", True, "ours"),
    ]
    plot = figures.frontier_plot([0.1, 1], points, (0.035, 0.99, 0.2))
    left, right = plot.axes[:2]
    marks = [c for c in left.collections if len(c.get_offsets()) == 1 and c.get_sizes().size]
    places = [tuple(mark.get_offsets()[0]) for mark in marks]
    assert (0.04, 0.9) in places
    assert (0.05, 0.95) in places
    (shade,) = {*left.collections} - {*marks}
    assert all(shade.get_zorder() < mark.get_zorder() for mark in marks)  # it hides none
    assert [text.get_text() for text in right.texts] == ["ours"]


def test_the_ratios_stand_above_the_noise_levels():
    plot = figures.against_sigma([0, 1], {"a": [0.1, 0.2]}, "y", ratios=[0, 0.523])
    (above,) = plot.axes[0].child_axes
    assert tick_labels(above.xaxis) == ["0", "0.52"]
