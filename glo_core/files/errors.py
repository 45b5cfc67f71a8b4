"""What is wrong with data, and how messages name it."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

# The most letters of a class name: a longer one fits no figure.
LONGEST_NAME = 100
# Names that a message lists before it only counts.
_LISTED = 5
# Control characters, halves of surrogate pairs, and what ends a line or a paragraph.
_NO_TEXT = {"Cc", "Cs", "Zl", "Zp"}
# Characters that set the writing direction of those which follow.
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
# Letters without ink beside those of the category Cf: fillers, joiners and selectors of variants.
_INVISIBLE = {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0", *map(chr, range(0xFE00, 0xFE10))}


class DataError(ValueError):
    """A problem with the data that the user can mend; the message says where and how."""


def printable(name: object) -> str:
    """A name as messages show it: bytes that are not UTF-8 and control characters are escaped."""
    letters = str(name)
    escaped = (c if c.isprintable() else ascii(c)[1:-1].replace("\\udc", "\\x") for c in letters)
    return "".join(escaped)


def listed(names: Sequence[object]) -> str:
    """The first of some names, and how many more there are."""
    words = ", ".join(printable(name) for name in names[:_LISTED])
    more = len(names) - _LISTED
    return f"{words} and {more:,} more" if more > 0 else words


def check_text(name: str, what: str) -> None:
    """Raises DataError if a name is not text on one line; `what` says what it is the name of."""
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        wrong = "bytes that are not UTF-8"
    elif any(unicodedata.category(letter) in _NO_TEXT for letter in name):
        wrong = "control characters"
    else:
        return
    raise DataError(f"{what} '{printable(name)}': expected text on one line, found {wrong}")


def check_class_names(names: Sequence[str], where: Path) -> None:
    """Raises DataError if names, of folders or in a list at `where`, can be no classes'.

    Each has to be text that shows, and no two may look alike: a reader could not tell them apart.
    """
    looks: dict[str, str] = {}
    for name in names:
        _check_class_name(name, f"{printable(where)}: class name")
        other = looks.setdefault(_shown(name), name)
        if other is not name:
            raise DataError(
                f"{printable(where)}: expected class names that look different, found "
                f"{other!a} and {name!a}, which look alike; rename one"
            )


def _check_class_name(name: str, what: str) -> None:
    check_text(name, what)
    shown = f"{what} '{printable(name[: LONGEST_NAME + 1])}'"
    if any(unicodedata.bidirectional(letter) in _TURNS for letter in name):
        raise DataError(
            f"{shown}: expected letters alone, found controls of the writing direction, which "
            "would turn the text around them, too; remove these"
        )
    least = f"expected 1 to {LONGEST_NAME} letters, found"
    if not _shown(name):
        raise DataError(f"{what} {name[: LONGEST_NAME + 1]!a}: {least} none that can be seen")
    if len(name.strip()) > LONGEST_NAME:
        raise DataError(f"{shown}: {least} {len(name.strip()):,}")


def _shown(name: str) -> str:
    """What a reader sees of a name: letters are composed, and what is invisible is left out."""
    letters = unicodedata.normalize("NFC", name)
    seen = (c for c in letters if unicodedata.category(c) != "Cf" and c not in _INVISIBLE)
    return " ".join("".join(seen).split())
