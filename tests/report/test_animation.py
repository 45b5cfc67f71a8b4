import base64
import io
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image, ImageSequence

from reports.show.animation import FRAME_MILLISECONDS, Animation, film_strip, gif, player, png

NAMES = ["σ = 0", "σ = 1", "σ = <10>"]


@pytest.fixture
def animation():
    return Animation([Image.new("L", (60, 40), value) for value in (0, 100, 200)], NAMES)


def durations(content: bytes) -> list[int]:
    """How long each frame of a GIF is shown, in milliseconds."""
    with Image.open(io.BytesIO(content)) as moving:
        return [frame.info.get("duration", 0) for frame in ImageSequence.Iterator(moving)]


def sheet(page) -> Image.Image:
    """The picture that holds all frames."""
    source = page.select_one(".sprite img")["src"]
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))


def test_the_player_shows_one_frame_and_names_all(animation):
    page = BeautifulSoup(player(animation, "greys", start=1), "html.parser")
    assert json.loads(page.find("glo-player")["data-names"]) == NAMES
    slider = page.find("input")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    assert page.find("output").text == "σ = 1"
    assert page.find("button").text == "Play"
    assert page.find("img")["alt"] == "greys σ = 1"
    assert "--column:0;--row:1;--columns:1;--rows:3" in page.select_one(".sprite")["style"]
    assert "http" not in player(animation, "greys")


def test_the_players_sheet_holds_every_frame_in_its_place(animation):
    found = np.asarray(sheet(BeautifulSoup(player(animation, "greys"), "html.parser")).convert("L"))
    assert found.shape == (3 * 40, 60)
    for k, grey in enumerate((0, 100, 200)):
        assert np.abs(found[40 * k : 40 * (k + 1)].astype(int) - grey).max() <= 255 / 15 / 2


def test_more_frames_than_a_picture_may_be_high_stand_in_columns():
    # 32 of these 65 frames fit below each other, so that two columns would not do.
    frames = [Image.new("L", (3, 500), 17 * (k % 16)) for k in range(65)]
    animation = Animation(frames, list(map(str, range(65))))
    page = BeautifulSoup(player(animation, "a", 13), "html.parser")
    found = np.asarray(sheet(page).convert("L"))
    assert found.shape == (22 * 500, 3 * 3)
    assert "--column:1;--row:4;--columns:3;--rows:22" in page.select_one(".sprite")["style"]
    assert (found[4 * 500 : 5 * 500, 3:6] == 17 * 13).all()


def test_one_frame_has_nothing_to_play():
    still = Animation([Image.new("L", (6, 4))], ["a"])
    assert "<button" not in player(still, "a")


def test_frames_of_two_sizes_and_places_for_other_frames_are_refused(animation):
    with pytest.raises(ValueError, match=r"frames of \[\(4, 4\), \(5, 4\)\] pixels"):
        Animation([Image.new("L", (5, 4)), Image.new("L", (4, 4))], ["a", "b"])
    with pytest.raises(ValueError, match="1 places for 3 frames"):
        player(animation, "a", 0, "<img>", [[(0, 0)]])


def test_a_player_with_a_plot_has_a_place_for_each_frame_and_no_button(animation):
    places = [[(0.1, 0.2)], [(0.5, 0.5), (0.6, 1 / 3)], [(1, 0)]]
    page = BeautifulSoup(player(animation, "a", 0, "<img src='x'>", places), "html.parser")
    assert page.select_one(".plot > img")
    assert not page.find("button")
    assert json.loads(page.find("glo-player")["data-places"])[1] == [[0.5, 0.5], [0.6, 0.3333]]


def test_the_gif_has_every_frames_duration_and_never_ends(animation):
    assert durations(gif(animation)) == [FRAME_MILLISECONDS * times for times in (1, 1, 4)]
    with Image.open(io.BytesIO(gif(animation))) as moving:
        assert moving.info["loop"] == 0


def test_equal_frames_keep_their_time():
    still = Animation([Image.new("L", (60, 40), 9)] * 3, ["a", "a", "a"])
    assert sum(durations(gif(still))) == FRAME_MILLISECONDS * 6


def test_one_frame_is_a_gif_too():
    assert len(durations(gif(Animation([Image.new("L", (60, 40))], ["a"])))) == 1


def test_the_film_strip_holds_first_and_last():
    frames = [Image.new("L", (60, 40), 10 * k) for k in range(20)]
    strip = np.asarray(film_strip(Animation(frames, list(map(str, range(20)))), 2, 3))
    assert {0, 190} <= set(np.unique(strip))


def test_a_small_png_is_the_same_picture_in_few_greys():
    picture = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (20, 1)))
    with Image.open(io.BytesIO(png(picture))) as small:
        assert len(small.getcolors()) <= 16
        assert np.abs(np.asarray(small.convert("L")).astype(int) - np.asarray(picture)).max() <= 10


@pytest.mark.parametrize("names", [[], ["one", "two"]])
def test_frames_and_names_must_match(names):
    frames = [Image.new("L", (4, 4))] if names else []
    with pytest.raises(ValueError, match="frames with"):
        Animation(frames, names)
