"""Heat maps: numbers and names that can be read."""

import io
import itertools

import matplotlib as mpl
import numpy as np
import pytest

from reports.show import theme
from reports.show.heat_map import LONGEST, heat_map


def test_a_heat_map_writes_every_number():
    plot = heat_map(np.array([[0.25, 1.0]]), ["L1"], ["0", "1"], "loss", "σ")
    assert [text.get_text() for text in plot.axes[0].texts] == ["0.25", "1.00"]


@pytest.mark.parametrize(
    ("names", "rotation"),
    [("0123456789", 0), (["cat", "ankle boot"], 0), (["cat", *5 * ["ankle boot"]], 90)],
)
def test_names_of_a_heat_maps_columns_are_written_upwards_only_where_they_would_touch(
    names, rotation
):
    size = len(names)
    plot = heat_map(np.eye(size), [*names], [*names], "y", "x")
    plot.draw_without_rendering()
    labels = plot.axes[0].get_xticklabels()
    assert {label.get_rotation() for label in labels} == {rotation}
    boxes = [label.get_window_extent() for label in labels]
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(boxes))
    cells = plot.axes[0].get_window_extent()
    assert cells.height / size >= 0.15 * plot.dpi  # there is room for numbers


def test_a_long_name_in_a_heat_map_is_cut_short_and_no_formula():
    plot = heat_map(np.eye(2), ["a$b$", 99 * "long"], ["", ""], "y", "x")
    plot.draw_without_rendering()
    first, second = [label.get_text() for label in plot.axes[0].get_yticklabels()]
    assert first == "a$b$"
    assert len(second) == LONGEST


@pytest.mark.parametrize("name", [r"$\frac$", r"c\d", "a\nb", "\ue000", "犬", "กระต่าย", "🐶", "قط"])
def test_a_heat_map_takes_any_name(name):
    file = io.BytesIO()
    with mpl.rc_context(theme.THEME):  # as it is saved; a letter without a picture is a warning
        heat_map(np.eye(2), [name, "b"], ["a", name], "y", "x").savefig(file, format="svg")
    assert file.getvalue().startswith(b"<?xml")


def test_wide_letters_have_room_in_a_heat_map():
    plot = heat_map(np.eye(3), ["a"] * 3, ["子犬の写真と猫"] * 3, "y", "x")
    plot.draw_without_rendering()
    boxes = [label.get_window_extent() for label in plot.axes[0].get_xticklabels()]
    assert all(a.x1 <= b.x0 for a, b in itertools.pairwise(boxes))


def test_every_number_of_a_heat_map_can_be_read_on_its_colour():
    values = np.linspace(0, 1, 101)[None]
    axes = heat_map(values, ["a"], [""] * 101, "y", "x").axes[0]
    (cells,) = axes.collections
    for text, value in zip(axes.texts, values[0], strict=True):
        assert theme.contrast(text.get_color(), cells.cmap(cells.norm(value))[:3]) >= 4.5
