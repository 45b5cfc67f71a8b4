import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image


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


def test_intervals_are_drawn_as_a_band():
    values = np.array([[0.5, 0.4, 0.6]] * 4)
    plot = figures.against_sigma(SIGMAS, {"probe": values}, "accuracy")
    (band,) = plot.axes[0].collections
    vertices = band.get_paths()[0].vertices[:, 1]
    assert (vertices.min(), vertices.max()) == (0.4, 0.6)


def test_the_interval_of_a_single_level_can_be_seen():
    plot = figures.against_sigma([0.1], {"probe": [[0.5, 0.4, 0.6]]}, "accuracy")
    (band,) = plot.axes[0].collections
    assert band.get_linewidth()[0] > 0


def test_shares_in_percent_have_ticks_from_0_to_100():
    shares = {"a": [0.125, 1]}
    plain, percent = (
        figures.against_sigma([0, 1], shares, "y", percent=chosen) for chosen in (False, True)
    )
    assert max(float(text) for text in tick_labels(plain.axes[0].yaxis)) <= 1.2
    assert {"20", "100"} <= {*tick_labels(percent.axes[0].yaxis)}


CROWDED = {
    "curves that end alike": (
        {name: [0.2, 0.99] for name in ("L1", "L2", "L1+L2", "Laplacian")},
        {"judge on real images": 0.98, "naming one class": 0.99},
    ),
    "low ends": (
        {f"curve number {k}": [k, k / 100] for k in range(4)},
        {"real images": 0.0, "MLP, shuffled labels": 0.01},
    ),
    "one curve": ({"L1": [0.1, 0.2]}, {}),
}


def names_of_curves(plot):
    """The names at the curves' ends, with the boxes that they fill on the page, from below."""
    plot.draw_without_rendering()
    names = [text for text in plot.axes[0].texts if text.get_text()]
    return sorted(
        ((name, Text.get_window_extent(name)) for name in names), key=lambda pair: pair[1].y0
    )


def crowded_plots(case, levels):
    curves, lines = CROWDED[case]
    many = {name: np.linspace(*ends, levels) for name, ends in curves.items()}
    sigmas = list(range(levels))
    yield {*curves, *lines}, figures.against_sigma(sigmas, many, "y", lines)
    yield {*curves, *lines}, figures.against_sigma(sigmas, many, "y", lines, sigmas)
    yield {*curves}, figures.against_epochs(many, "y")


@pytest.mark.parametrize("levels", [1, 4, 20])
@pytest.mark.parametrize("case", CROWDED)
def test_every_curve_is_named_once_beside_the_plot_and_no_name_hides_another(case, levels):
    for wanted, plot in crowded_plots(case, levels):
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


def test_names_stand_in_the_order_of_the_curves_ends_and_lines_lead_to_them():
    curves = {"L1": [1, 0.3], "L2": [2, 0.1], "L1+L2": [3, 0.2]}
    names = names_of_curves(figures.against_sigma([0, 1], curves, "y"))
    assert [name.get_text() for name, _ in names] == ["L2", "L1+L2", "L1"]
    assert [name.xy for name, _ in names] == [(1, 0.1), (1, 0.2), (1, 0.3)]
    assert all(name.arrow_patch is not None for name, _ in names)


def test_a_name_with_room_stands_at_the_height_of_its_end():
    plot = figures.against_sigma([0, 1], {"a": [0, 0.5], "b": [1, 1]}, "y")
    (low, box), _ = names_of_curves(plot)
    end = plot.axes[0].transData.transform(low.xy)[1]
    assert (box.y0 + box.y1) / 2 == pytest.approx(end, abs=1)


def test_names_have_their_curves_colours_but_dark_enough_to_be_read():
    assert figures.contrast("k", "w") == pytest.approx(21)
    assert figures.contrast("#767676", "w") == pytest.approx(4.54, abs=0.01)  # WCAG's own example
    for color, _ in (*figures.LOSS_STYLES.values(), *figures.OTHER_STYLES):
        ink = figures._ink(color)
        assert figures.contrast(ink, "w") >= 4.5
        assert np.argmax(ink) == np.argmax(to_rgb(color))
    plot = figures.against_sigma([0, 1], {"L1": [0, 1], "b": [1, 2], "c": [2, 3]}, "y", {"d": 1})
    for name, _ in names_of_curves(plot):
        assert figures.contrast(name.get_color(), "w") >= 4.5


def test_sigmas_colours_mean_nothing_else_and_show_on_white():
    colors = figures.sigma_colors(20)(range(20))
    assert len(np.unique(colors, axis=0)) == 20
    luminance = [figures.contrast(color[:3], "k") for color in colors]
    assert luminance == sorted(luminance)  # one sequence, in grey too
    assert figures.contrast(colors[-1][:3], "w") > 1.4
    assert figures.SHARE_COLORS != figures.SIGMA_COLORS
    plot = figures.heat_map(np.array([[0.5]]), ["a"], ["b"], "y", "x")
    assert plot.axes[0].collections[0].get_cmap().name == figures.SHARE_COLORS


def test_epochs_are_whole_numbers():
    for count in (1, 2, 3, 50):
        plot = figures.against_epochs({"L1": np.linspace(1, 0, count)}, "y")
        ticks = plot.axes[0].get_xticks()
        assert np.array_equal(ticks, ticks.round())


def test_no_letter_is_smaller_than_7_points_in_print():
    printed = 0.8 * 15.8 / 2.54 / 5.2  # a plot is as wide as 0.8 of the page's text
    ratios = figures.against_sigma(range(20), {"L1": range(20)}, "y", {"a": 1}, list(range(20)))
    curves = figures.loss_curves(SIGMAS, np.ones((4, 1, 3)), "loss")
    network = figures.network_drawing(25, 25)
    for plot in (ratios, curves, network):
        plot.draw_without_rendering()
        sizes = [text.get_fontsize() for text in plot.findobj(Text) if text.get_text()]
        assert min(sizes) * printed >= 7


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


def test_every_number_of_a_heat_map_can_be_read_on_its_colour():
    values = np.linspace(0, 1, 101)[None]
    axes = figures.heat_map(values, ["a"], [""] * 101, "y", "x").axes[0]
    (cells,) = axes.collections
    for text, value in zip(axes.texts, values[0], strict=True):
        assert figures.contrast(text.get_color(), cells.cmap(cells.norm(value))[:3]) >= 4.5


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


def test_places_are_where_a_point_is_seen():
    values = np.zeros((3, 5))
    values[0, 4] = 1  # one dark cell, off the diagonal
    plot = figures.heat_map(values, list("abc"), list("vwxyz"), "row", "column")
    file = io.BytesIO()
    plot.savefig(file, dpi=100)
    picture = np.asarray(Image.open(file).convert("L")).astype(int)
    height, width = picture.shape
    cells = [(4, 0), (0, 0), (4, 2)]  # beside the number that is written in the middle
    beside = [(x + 0.4, y) for x, y in cells]
    seen = [
        picture[round(y * height), round(x * width)]
        for x, y in figures.places(plot, plot.axes[0], beside)
    ]
    assert seen[0] < 100
    assert min(seen[1:]) > 230
