"""What a notebook shows to its reader and hands to the report's builder.

Each function displays an output for Jupyter. The output's metadata hold what the builder needs,
such as a label, a caption and an alternative text, in the form that `reports.schema` defines.
"""

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from IPython.display import display
from matplotlib.figure import Figure as Plot
from PIL import Image

from reports.schema import GIF, HTML, MARKDOWN, PNG, SVG, WEBP, Figure, Finding, Kind, Numbers
from reports.show import animation as moving
from reports.show import page
from reports.show.animation import Animation, Places
from reports.show.page import base64_of
from reports.show.theme import THEME
from reports.show.words import readable

# Widths in characters: of a table's cell at most, and of the page.
WIDEST, PAGE = 250, 90
# What a cell refers to: it becomes a name and a number.
_REFERENCE = re.compile(r"@(fig|tbl|sec)-[\w-]+")


def say(markdown: str) -> None:
    """A paragraph of Markdown, such as one with computed numbers."""
    display({MARKDOWN: markdown}, raw=True)


def load_page() -> None:
    """The script and the style of moving figures, for Jupyter; the report has its own copy."""
    display({HTML: f"<style>{page.style()}</style><script>{page.script()}</script>"}, raw=True)


def show(
    label: str,
    picture: Plot | Image.Image,
    caption: str,
    alt: str,
    *,
    width: float = 0.8,
    runs: Sequence[str] = (),
) -> None:
    """A numbered figure, which text refers to as `@label`.

    `width` is a proportion of the text's width, and `runs` are the names in the store of the models
    that the figure shows or measures. Both mean the same for all figures.
    """
    data = _still(picture)
    data[HTML] = _with_caption(_image(picture, data, alt), caption)
    _display("figure", data, label, caption, alt, width, runs)


def show_pictured(
    label: str,
    plot: Plot,
    cards: Animation,
    places: Places,
    caption: str,
    alt: str,
    *,
    start: int = 0,
    width: float = 0.8,
    runs: Sequence[str] = (),
) -> None:
    """A numbered plot with a picture for each of its marks, which stand at `places`.

    On the screen, one card is shown: number `start` at first, then that of the mark which the
    reader points at or chooses.
    """
    data = _still(plot)
    data[HTML] = moving.player(cards, alt, start, _image(plot, data, alt), places)
    _display("live", data, label, caption, alt, width, runs)


def show_live(
    label: str,
    html: str,
    still: Image.Image,
    caption: str,
    alt: str,
    *,
    width: float = 1.0,
    runs: Sequence[str] = (),
) -> None:
    """A numbered figure that readers move, with a still picture for paper."""
    _display("live", _still(still) | {HTML: html}, label, caption, alt, width, runs)


def show_animation(
    label: str,
    animation: Animation,
    caption: str,
    alt: str,
    *,
    start: int = 0,
    strip: tuple[int, int] = (2, 3),
    width: float = 1.0,
    runs: Sequence[str] = (),
) -> None:
    """A numbered animation; `strip` holds the rows and columns of its film strip for paper."""
    data = {PNG: base64_of(moving.png(moving.film_strip(animation, *strip)))}
    data[HTML] = moving.player(animation, alt, start)
    data[GIF] = base64_of(moving.gif(animation))
    _display("animation", data, label, caption, alt, width, runs)


def show_table(
    label: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str,
    *,
    runs: Sequence[str] = (),
) -> None:
    """A numbered table of Markdown cells, which text refers to as `@label`."""
    widths = _column_widths(list(zip(header, *rows, strict=True)))
    lines = [header, [":" + "-" * width for width in widths], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    _display("table", {MARKDOWN: table}, label, caption, "", 1.0, runs)


def _column_widths(columns: Sequence[Sequence[str]]) -> list[int]:
    """The widths of columns in characters, or in proportion where they fill the page.

    Each column is as wide as its longest word if the page has room. What is left of the page's
    width goes to the columns with the longest cells.
    """
    columns = [
        [_REFERENCE.sub("Figure 00", cell).replace("*", "") for cell in column]
        for column in columns
    ]
    words = [max(len(word) for cell in column for word in cell.split(" ")) for column in columns]
    wanted = [min(WIDEST, max(map(len, column))) for column in columns]
    needed = [min(pair) for pair in zip(words, wanted, strict=True)]
    more = [want - need for want, need in zip(wanted, needed, strict=True)]
    left = min(1.0, max(0, PAGE - sum(needed)) / max(1, sum(more)))
    return [max(2, need + round(left * each)) for need, each in zip(needed, more, strict=True)]


def record(**numbers: Any) -> None:
    """Numbers that the section states, for `results.json`."""
    words = {"text/plain": f"recorded: {', '.join(numbers)}"}
    display(words, metadata=Numbers(numbers=numbers).metadata(), raw=True)


def state(finding: Finding) -> None:
    """A claim of the old report, with whether it holds for each method and why, as a paragraph."""
    sentences = [
        f"{verdict.words.capitalize()} for {name}: {verdict.evidence}"
        for name, verdict in finding.verdicts.items()
    ]
    sentences[0] += f" (@{finding.figure})"
    say(f"**Claim {finding.id}: {finding.claim}** {'. '.join(sentences)}.")
    words = ", ".join(verdict.words for verdict in finding.verdicts.values())
    display({"text/plain": words}, metadata=finding.metadata(), raw=True)


def _display(
    kind: Kind,
    data: dict[str, str],
    label: str,
    caption: str,
    alt: str,
    width: float,
    runs: Sequence[str],
) -> None:
    described = Figure(
        kind=kind, label=label, caption=caption, alt=alt, width=width, runs=tuple(runs)
    )
    described.check(data)
    display(data, metadata=described.metadata(), raw=True)


def _still(picture: Plot | Image.Image) -> dict[str, str]:
    """A picture as data: a plot as vectors, a mosaic as pixels."""
    if not isinstance(picture, Plot):
        forms = {PNG: moving.png(picture), WEBP: moving.webp(picture)}
        return {form: base64_of(content) for form, content in forms.items()}
    file = io.StringIO()
    with mpl.rc_context(THEME):
        picture.savefig(file, format="svg", metadata={"Date": None})
    # Coordinates are cut to a hundredth of a point, which nobody sees, and comments and indents go.
    # The scale of letters is kept exactly, because it multiplies all coordinates of a letter.
    svg = re.sub(r"(?<!scale\()(\d\d\.\d\d|\d\.\d{3})\d+", r"\1", file.getvalue())
    return {SVG: re.sub(r"\s*\n\s*", " ", re.sub(r"<!--.*?-->", "", svg))}


def _image(picture: Plot | Image.Image, data: dict[str, str], alt: str) -> str:
    if isinstance(picture, Plot):
        source = page.svg_address(data[SVG])
    else:
        source = f"data:{WEBP};base64,{data[WEBP]}"
    return f'<img src="{source}" alt="{escape(alt)}">'


def _with_caption(body: str, caption: str) -> str:
    words = escape(readable(caption))
    return f'<figure>{body}<figcaption class="mathjax_ignore">{words}</figcaption></figure>'
