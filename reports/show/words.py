"""How numbers and foreign text are written in Markdown."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

BACKSLASH = "&#92;"
PUNCTUATION = r"[!-/:-@\[-`{-~]"
# Jupyter's MathJax takes nothing in such an element for a formula.
NO_FORMULAS = '<span class="mathjax_ignore">'


def number(value: float, form: str = ".3f") -> str:
    """A number in a format such as ".3f" or ".1%", with a proper minus sign."""
    return f"{value:{form}}".replace("-", "−")


def percent(value: float | Sequence[float], digits: int = 1) -> str:
    """A proportion in percent: 93.4%; with an interval 93.4% (92.1–94.5%)."""
    if isinstance(value, int | float):
        return f"{value:.{digits}%}"
    mean, low, high = value
    return f"{mean:.{digits}%} ({100 * low:.{digits}f}–{100 * high:.{digits}f}%)"


def about(form: str, value: float, low: float, high: float) -> str:
    """A value ± half of what lies between `low` and `high`, each in a format such as ".1%".

    The spaces do not break.
    """
    if not low < high:
        return number(value, form)
    return f"{number(value, form)}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{(high - low) / 2:{form}}"


def listed(values: Iterable[Any]) -> str:
    """Values with commas between them."""
    return ", ".join(map(str, values))


def escaped(text: str) -> str:
    """Text that is not ours, such as a path, so that Markdown takes it as it is, in one line.

    Every punctuation mark of ASCII can be escaped, and any of them may mean something to what reads
    Markdown: quotes become curly ones, and `&amp;` a letter.
    """
    words = re.sub(f"({PUNCTUATION})", r"\\\1", one_line(text)).replace(r"\\", BACKSLASH)
    # Jupyter looks for formulas before it reads Markdown, and in what has become of it
    return f"{NO_FORMULAS}{words}</span>" if re.search(r"[$\\]", text) else words


def readable(markdown: str) -> str:
    """Markdown for where it is shown as it is: with what was escaped as it was before."""
    bare = markdown.replace(NO_FORMULAS, "").replace("</span>", "")
    return re.sub(rf"{BACKSLASH}|\\({PUNCTUATION})", lambda found: found[1] or "\\", bare)


def one_line(text: str) -> str:
    """Text without line ends, tabs and other letters that move what follows, or cannot be seen."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text)
