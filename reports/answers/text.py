"""The words of a section: Markdown with values to fill in, read from `<section>.md`.

A heading `## name` begins a part. A part named like a label (`## fig-leakage`) is the caption of
that figure, and its last paragraph, which begins with `Alt:`, says what the figure shows to those
who do not see it. A part whose name holds `{loss}` is the caption of one figure for each loss.
Values are written as in Jinja: `{{ leakage|percent }}`, `{% if leaks %} … {% endif %}`. A line that
holds nothing but `{% if leaks %}` or the like does not end a paragraph.

Every part knows what the data are: `mnist` is whether they are MNIST's handwritten digits, `noun`
and `nouns` are what one image and several are called. A notebook's own words are true of any data.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from glo_core.data import Digits
from reports.show.names import LOSS_NAMES, sigma_name, slug
from reports.show.words import escaped, listed, number, percent

FOLDER = Path(__file__).parent
# What the text calls one image and several: first of MNIST, then of any other data.
NOUNS = {True: {"noun": "digit", "nouns": "digits"}, False: {"noun": "image", "nouns": "images"}}


def noun(digits: Digits) -> str:
    """What one image of these data is called."""
    return NOUNS[digits.mnist]["noun"]


def _environment() -> Environment:
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    environment.filters |= {
        "number": number,
        "percent": percent,
        "listed": listed,
        "escaped": escaped,
        "sigma": sigma_name,
        "loss": LOSS_NAMES.__getitem__,
    }
    return environment


class Text:
    """The parts of one section's text, by their names."""

    def __init__(self, section: str, mnist: bool = True):
        """Reads `<section>.md`. Raises FileNotFoundError for a section without text.

        `mnist` is whether it speaks of MNIST's handwritten digits, or of any other images.
        """
        self.section = section
        self._naming = {"mnist": mnist, **NOUNS[mnist]}
        self._parts = _parts((FOLDER / f"{section}.md").read_text(encoding="utf-8"))

    def part(self, name: str, facts: Mapping[str, Any]) -> str:
        """A part with its values filled in, a line for each paragraph.

        Raises:
            KeyError: There is no part of this name.
            jinja2.UndefinedError: The part asks for a value that `facts` does not have.
        """
        filled = self._template(name).render(**self._naming, **facts)
        # Not `split()`, which splits at spaces that do not break, too.
        paragraphs = (
            re.sub(r"[ \n]+", " ", each).strip(" ") for each in re.split(r"\n\s*\n", filled)
        )
        return "\n\n".join(each for each in paragraphs if each)

    def rows(self, name: str, facts: Mapping[str, Any]) -> list[list[str]]:
        """The rows of a table: a paragraph each, with a bar between its cells."""
        return [row.split(" | ") for row in self.part(name, facts).split("\n\n")]

    def caption(self, label: str, facts: Mapping[str, Any]) -> tuple[str, str]:
        """The caption and the alternative text of a figure; "" where there is none."""
        caption, _, alt = self.part(label, facts).partition("\n\nAlt: ")
        return caption, alt

    def labels(self, losses: Iterable[str]) -> set[str]:
        """The labels of all figures and tables that the section must show."""
        names = [name for name in self._parts if re.match("(fig|tbl)-", name)]
        return {name.replace("{loss}", slug(loss)) for name in names for loss in losses}

    def _template(self, name: str) -> Template:
        if name in self._parts:  # `fig-scratch-epochs` could be meant by `fig-scratch-{loss}` too
            return self._parts[name]
        for known, template in self._parts.items():
            if re.fullmatch(re.escape(known).replace(r"\{loss\}", ".+"), name):
                return template
        raise KeyError(
            f"{self.section}.md has no part {name!r}; there are {', '.join(self._parts)}"
        )


@cache
def _parts(text: str) -> dict[str, Template]:
    environment = _environment()
    # A line that holds just a tag leaves no empty line behind, which would end the paragraph.
    # Jinja's own trim_blocks would also join words at the end of other lines.
    text = re.sub(r"^(\{% (?:(?!%\}).)* %\})\n", r"\1", text, flags=re.M)
    _, *pieces = re.split(r"^## (.+)$", text, flags=re.M)
    return {
        name.strip(): environment.from_string(body)
        for name, body in zip(pieces[::2], pieces[1::2], strict=True)
    }
