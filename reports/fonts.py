"""Fonts for names that are not ours, such as those of classes.

What is drawn is in DejaVu Sans, which matplotlib brings along, so that pictures are the same on
every machine. Only letters that it does not have are taken from fonts that are installed.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from PIL import features

OWN = str(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
# What stands for a letter that no font has: marks and what cannot be seen need none.
BOX = "\N{WHITE SQUARE}"
RIGHT_TO_LEFT = {"R", "AL"}
STAND_INS = {"Cf": "", "Mn": "", "Cc": " ", "Zl": " ", "Zp": " ", "Zs": " "}


@cache
def further(text: str) -> tuple[str, ...]:
    """The files of installed fonts that a text needs beside OWN, the one with most letters first.

    Of equal ones it is the plainest, and of these the first by its path.
    """
    left = {ord(each) for each in text if _stand_in(each) == BOX} - _letters(OWN)
    paths = sorted(font_manager.findSystemFonts()) if left else []
    found = {path: has for path in paths if (has := left & _letters(path))}
    chosen: list[str] = []
    while found:
        best = min(found, key=lambda path: (-len(found[path]), _unlike(path)))
        chosen.append(best)
        left -= found[best]
        found = {path: has & left for path, has in found.items() if has & left}
    return tuple(chosen)


@cache
def families(text: str) -> tuple[str, ...]:
    """The names of OWN and of the `further` fonts of a text, which matplotlib knows from then on.

    Its own list of fonts may be older than the fonts.
    """
    for path in further(text):
        font_manager.fontManager.addfont(path)
    return tuple(FT2Font(path).family_name for path in (OWN, *further(text)))


def only(text: str) -> str:
    """The file of the font that has most letters of a text, where there can be only one."""
    letters = {*map(ord, text)}
    return min((OWN, *further(text)), key=lambda path: len(letters - _letters(path)))


def drawable(text: str, *paths: str) -> str:
    """A text in one line, with a BOX for each letter that none of these fonts has."""
    known = set[int]().union(*map(_letters, paths))
    return "".join(
        each if ord(each) in known and _stand_in(each) != " " else _stand_in(each) for each in text
    )


def lacking(names: Iterable[str]) -> list[str]:
    """The letters that are missing from the font that has most of its name, in Unicode's order."""
    missing = {(each, only(name)) for name in names for each in name if _stand_in(each) == BOX}
    return sorted({each for each, font in missing if ord(each) not in _letters(font)})


def is_laid_out(name: str) -> bool:
    """Whether a name has letters that are joined, stacked, or written from right to left."""
    return any(
        unicodedata.bidirectional(each) in RIGHT_TO_LEFT
        or unicodedata.combining(each)
        or unicodedata.category(each) == "Mc"
        for each in name
    )


def strung(names: Iterable[str]) -> list[str]:
    """The names that need a layout which Pillow cannot make here: it strings their letters."""
    can = features.check("raqm") and features.check("fribidi")
    return [] if can else [name for name in names if is_laid_out(name)]


def _stand_in(letter: str) -> str:
    return STAND_INS.get(unicodedata.category(letter), BOX)


def _letters(path: str) -> set[int]:
    """The letters that a font has outlines for: none for one of pixels, or that is damaged."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return set()
    return {*font.get_charmap()} if font.scalable else set()


def _unlike(path: str) -> tuple[bool, int]:
    """How far a font is from an upright one of normal weight."""
    font = font_manager.ttfFontProperty(FT2Font(path))
    return font.style != "normal", abs(int(font.weight) - 400)
