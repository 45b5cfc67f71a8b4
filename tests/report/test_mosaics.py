import numpy as np
import pytest
import torch
from PIL import Image

from reports.show.mosaics import in_rows, mosaic, stack


def test_a_mosaic_holds_each_image_in_its_place_as_dark_ink():
    images = torch.zeros(2, 3, 28, 28)
    images[1, 2] = 1
    picture = np.asarray(mosaic(images, scale=2))
    cell, gap = 56, 2
    assert picture.shape == (2 * (cell + gap) - gap, 3 * (cell + gap) - gap)
    assert (picture[-cell:, -cell:] == 0).all()
    assert picture[:cell].min() == 255


def test_float_and_byte_images_make_the_same_mosaic():
    images = torch.rand(1, 2, 28, 28)
    as_bytes = (images * 255).round().byte()
    assert np.array_equal(mosaic(images), mosaic(as_bytes))


def test_names_of_rows_and_columns_fit_beside_the_images():
    images = torch.zeros(1, 1, 28, 28)
    bare = mosaic(images)
    named = mosaic(images, rows=["a long name"], columns=["real"])
    assert named.width > bare.width
    assert named.height > bare.height
    band = np.asarray(named)
    assert band[:, 0].min() == 255, "the row's name is cut off"
    assert band[:, : named.width - bare.width].min() < 100


def test_where_a_name_is_wider_than_its_column_names_are_written_upwards_and_cut_short():
    images = torch.zeros(1, 2, 28, 28)
    short, long, longer = (
        np.asarray(mosaic(images, columns=[name, ""])) for name in ("a", "ankle boot", 99 * "long")
    )
    assert short.shape[1] == long.shape[1] == longer.shape[1]
    assert 56 < short.shape[0] < long.shape[0] < longer.shape[0] < 56 + 4 * 56
    for picture in (short, long, longer):
        assert picture[:-56, :56].min() < 100
        assert picture[:-56, 56:].min() == 255, "the name runs into the next column"
        assert picture[-58, :56].min() == 255, "the name touches the image"


@pytest.mark.parametrize(
    "name", ["a\nb", "\ue000\u202e\x07", "$5$", "犬 cat", "ก" * 9, "🐶", "قط", ""]
)
def test_any_name_is_drawn_in_one_line(name):
    plain = mosaic(torch.zeros(1, 2, 28, 28), rows=["a"], columns=["b", ""])
    drawn = mosaic(torch.zeros(1, 2, 28, 28), rows=[name], columns=["b", ""])
    above = mosaic(torch.zeros(1, 2, 28, 28), rows=["a"], columns=[name, ""])
    assert drawn.height == plain.height
    assert above.width == plain.width


def test_a_name_of_a_row_is_cut_short_where_it_would_be_many_times_as_wide_as_the_images():
    wide = mosaic(torch.zeros(1, 1, 28, 28), rows=[100_000 * "long"])
    assert wide.width < 14 * 56


def test_a_film_strip_has_room_for_every_frame_and_name():
    frames = [Image.new("L", (100, 40), value) for value in (0, 50, 100)]
    strip = stack(frames, ["a", "b", "c"], columns=2)
    assert strip.width > 2 * 100
    assert strip.height > 2 * 40
    assert {0, 50, 100} <= set(np.unique(np.asarray(strip)))
    assert not np.asarray(strip)[:40, :100].any()  # the picture is on top, its name below it


def test_images_in_rows_are_filled_up_with_blank_ones():
    images = torch.arange(1.0, 6)[:, None, None].expand(5, 28, 28)
    rows = in_rows(images, 3)
    assert rows[:, :, 0, 0].tolist() == [[1, 2, 3], [4, 5, 0]]
    assert in_rows(images[:3], 3).shape == (1, 3, 28, 28)
