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


def check_class_name(name: str, where: Path) -> None:
    """Raises DataError if a name, of a folder or in a list at `where`, can be no class's."""
    what = f"{printable(where)}: class name"
    check_text(name, what)
    if not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise DataError(
            f"{what} '{name[: LONGEST_NAME + 1]}': expected 1 to {LONGEST_NAME} "
            f"letters, found {len(name.strip()):,}"
        )
