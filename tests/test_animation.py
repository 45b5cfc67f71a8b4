import io

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from glo_core.animation import FRAME_MILLISECONDS, Animation, film_strip, gif, player, png

NAMES = ["σ = 0", "σ = 1", "σ = <10>"]


@pytest.fixture
def animation():
    return Animation([Image.new("L", (60, 40), value) for value in (0, 100, 200)], NAMES)


def test_the_player_shows_one_frame_and_names_all(animation):
    page = BeautifulSoup(player(animation, start=1), "html.parser")
    images = page.find_all("img")
    assert [image["alt"] for image in images] == NAMES
    assert [image.has_attr("hidden") for image in images] == [True, False, True]
    slider = page.find("input")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", "2", "1")
    assert page.find("output").text == "σ = 1"
    assert "http" not in player(animation)


def test_the_gif_has_every_frames_duration_and_never_ends(animation):
    with Image.open(io.BytesIO(gif(animation))) as moving:
        durations = []
        for k in range(moving.n_frames):
            moving.seek(k)
            durations.append(moving.info["duration"])
        assert sum(durations) == FRAME_MILLISECONDS * (3 - 1 + 4)
        assert moving.info["loop"] == 0


def test_equal_frames_keep_their_time():
    still = Animation([Image.new("L", (60, 40), 9)] * 3, ["a", "a", "a"])
    with Image.open(io.BytesIO(gif(still))) as moving:
        durations = []
        for k in range(moving.n_frames):
            moving.seek(k)
            durations.append(moving.info["duration"])
    assert sum(durations) == FRAME_MILLISECONDS * 6


def test_one_frame_is_a_gif_too():
    with Image.open(io.BytesIO(gif(Animation([Image.new("L", (60, 40))], ["a"])))) as still:
        assert still.n_frames == 1


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
