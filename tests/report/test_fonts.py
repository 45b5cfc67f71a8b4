"""Letters that DejaVu Sans does not have: those of installed fonts, or a box."""

import io

import matplotlib as mpl
import numpy as np
import pytest
import torch
from conftest import ROOT
from matplotlib import font_manager
from PIL import Image, ImageChops, ImageFont, features

from reports import fonts
from reports.show import mosaics, theme
from reports.show.heat_map import heat_map
from reports.show.mosaics import mosaic

JAPANESE, NOWHERE = "犬", "\ue000"  # a letter of private use, which no font of Debian has


@pytest.fixture
def no_fonts(monkeypatch):
    """A machine without any installed font."""
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    for cached in (fonts.further, fonts.families):
        cached.cache_clear()
    yield
    for cached in (fonts.further, fonts.families):
        cached.cache_clear()


def in_heat_map(name: str) -> bytes:
    file = io.BytesIO()
    with mpl.rc_context(theme.THEME):
        plot = heat_map(np.eye(1), [name], ["a"], "y", "x")
        plot.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def in_mosaic(name: str) -> Image.Image:
    return mosaic(torch.zeros(1, 1, 28, 28), rows=[name])


def test_the_words_of_the_report_need_no_installed_font():
    files = [*(ROOT / "reports" / "answers").glob("*.md"), *(ROOT / "notebooks").glob("[0-9]*")]
    assert fonts.further("".join(path.read_text(encoding="utf-8") for path in files)) == ()


def test_a_letter_that_no_font_has_is_named_and_drawn_as_a_box(no_fonts):
    assert fonts.lacking(["cat", f"a {JAPANESE}", JAPANESE]) == [JAPANESE]
    assert fonts.drawable(f"a{JAPANESE}\nb\u3000c", fonts.OWN) == f"a{fonts.BOX} b c"
    assert in_heat_map(JAPANESE) == in_heat_map(fonts.BOX)
    assert in_mosaic(JAPANESE) == in_mosaic(fonts.BOX)


def test_letters_that_cannot_be_seen_need_no_font(no_fonts):
    assert fonts.lacking(["\u3000\u2066a\u200d\n"]) == []


def test_arabic_and_hebrew_need_no_further_font():
    assert fonts.further("قطة כלב") == ()


def test_a_letter_is_missing_if_the_rest_of_its_name_is_in_another_font(monkeypatch):
    has = {fonts.OWN: {*map(ord, "a b")}, "one": {ord(JAPANESE)}, "two": {ord(NOWHERE)}}
    monkeypatch.setattr(fonts, "_letters", has.get)
    monkeypatch.setattr(fonts, "further", lambda text: ("one", "two"))
    assert fonts.lacking([JAPANESE, NOWHERE, "a b"]) == []
    assert fonts.lacking([JAPANESE + NOWHERE]) == [NOWHERE]


LAID_OUT = ["قط", "כלב", "हिन्दी", "e\u0301"]


def test_only_names_that_need_it_are_laid_out_so_others_are_the_same_on_all_machines(monkeypatch):
    names = ["real", "ankle boot", JAPANESE, "Straße", *LAID_OUT]
    assert [name for name in names if fonts.is_laid_out(name)] == LAID_OUT
    before = [in_mosaic(name).tobytes() for name in ("real", "AVATAR")]
    monkeypatch.setattr(ImageFont.core, "HAVE_RAQM", False)
    mosaics._font.cache_clear()
    assert [in_mosaic(name).tobytes() for name in ("real", "AVATAR")] == before
    mosaics._font.cache_clear()


@pytest.mark.parametrize("missing", ["raqm", "fribidi"])
def test_names_whose_letters_are_strung_are_told(missing, monkeypatch):
    monkeypatch.setattr(features, "check", lambda name: name != missing)
    assert fonts.strung(["cat", *LAID_OUT]) == LAID_OUT
    monkeypatch.setattr(features, "check", lambda name: True)
    assert fonts.strung(LAID_OUT) == []


@pytest.mark.skipif(not features.check("fribidi"), reason="no FriBidi is installed")
def test_arabic_letters_are_joined_and_run_from_right_to_left():
    joined = in_mosaic("قطة")
    mosaics._font.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fonts, "is_laid_out", lambda name: False)
        strung = in_mosaic("قطة")
    assert joined.width < strung.width


def test_a_letter_is_drawn_from_an_installed_font_that_has_it():
    if not fonts.further(JAPANESE):
        pytest.skip("no font with Japanese is installed, as by `apt-get install fonts-ipafont`")
    assert fonts.lacking([JAPANESE]) == []
    assert in_heat_map(JAPANESE) != in_heat_map(fonts.BOX)
    assert ImageChops.difference(in_mosaic(JAPANESE), in_mosaic("猫")).getbbox()


def test_a_font_that_cannot_be_read_is_none(monkeypatch, tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(broken)])
    fonts.further.cache_clear()
    assert fonts.further(NOWHERE) == ()
    fonts.further.cache_clear()
