"""How numbers and foreign text are written in Markdown."""

import re
from collections.abc import Iterable, Sequence
from typing import Any


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
    """Text that is not ours, such as a path, so that Markdown takes it as it is."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~^$@])", r"\\\1", text)
