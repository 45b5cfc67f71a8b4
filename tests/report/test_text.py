"""The words of a section: how values are written, and how parts are found and filled in."""

import jinja2
import numpy as np
import pytest

from glo_core.measures.intervals import Proportion
from reports.answers import text
from reports.answers.text import Text
from reports.bind.pandoc import parse, plain
from reports.show.words import about, escaped, listed, number, percent, readable

NO_BREAK = "\N{NO-BREAK SPACE}"
PLANTED = """
# A section

Remarks before the first part belong to none.

## greeting

{{ about }}
images{% if many %}, many of them{% endif %}.

{% if more %}A paragraph that may be missing.{% endif %}

The last
   paragraph.

## fig-one

Leakage of {{ leakage|percent }} at σ = {{ sigma|sigma }}.

Alt: A line.

## fig-epochs-{loss}

With {{ loss|loss }}.

Alt: A curve.

## tbl-one

A table.

## branches

Before.
{% if more %}
More.
{% else %}
Less,
{%- if many %}
 many,
{%- endif %}
and less.
{% endif %}
After.

{% if more %}
Another paragraph.
{% endif %}

## rows

a | {{ value|number(".1f") }}

b | two words
"""


@pytest.fixture
def planted(tmp_path, monkeypatch) -> Text:
    (tmp_path / "planted.md").write_text(PLANTED, encoding="utf-8")
    monkeypatch.setattr(text, "FOLDER", tmp_path)
    return Text("planted")


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        (0.12345, ".3f", "0.123"),
        (-0.5, ".2f", "−0.50"),
        (12345, ",", "12,345"),
        (1e-3, "g", "0.001"),
    ],
)
def test_a_number_has_a_proper_minus_sign(value, form, written):
    assert number(value, form) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.934, "93.4%"),
        (np.float64(0.934), "93.4%"),
        (1, "100.0%"),
        (Proportion(0.934, 0.921, 0.945), "93.4% (92.1–94.5%)"),
        ([0.934, 0.921, 0.945], "93.4% (92.1–94.5%)"),
    ],
)
def test_a_proportion_is_written_in_percent_with_its_interval_if_it_has_one(value, written):
    assert percent(value) == written


def test_percent_takes_a_number_of_digits():
    assert percent(0.934, 0) == "93%"
    assert percent(Proportion(0.5, 0.41, 0.59), 0) == "50% (41–59%)"


def test_a_value_stands_with_half_its_range_and_alone_without_one():
    assert about(".1%", 0.112, 0.101, 0.125) == f"11.2%{NO_BREAK}±{NO_BREAK}1.2%"
    assert about(".2f", -0.1, -0.2, 0.0) == f"−0.10{NO_BREAK}±{NO_BREAK}0.10"
    assert about(".3f", 0.5, 0.5, 0.5) == "0.500"


def test_values_are_listed_with_commas():
    assert listed(["L1", 2]) == "L1, 2"


# Class names and paths that people have, or that somebody who means ill may give.
NAMES = [
    *r"<b>x @home c\d *bold* **b** $5$ $ $$x$$ ~x~ ~~x~~ [x](y) ![x](y) [@x] [^1] `x`".split(),
    *r"{{x}} #x _x_ ^x^ a|b &amp; &#36; &#92; <script>alert(1)</script> <!--x--> :x:".split(),
    *r"@fig-x \textbf{x} \(x\) --- ... x\ \\ ::: x{.y} https://x.org x@y.org 10^3^".split(),
    *r"a--b don't x/y 1e5 007 true 犬 قط".split(),
    *('"q"', "{% x %}", "1. x", "Mr. x", "(@x)", "+ x", "> x", ": x", r"\ x", r"\begin{a}x"),
]


def test_text_that_is_not_ours_is_no_markdown_wherever_it_stands():
    table = [f"| {escaped(name)} |" for name in NAMES]
    within = [f"A {escaped(name)}, B." for name in NAMES]
    blocks = parse(
        "names", "\n\n".join([*within, *map(escaped, NAMES), "\n".join(["| a |", "|:-|", *table])])
    )
    *paragraphs, rows = blocks
    texts = [block["c"] for block in paragraphs]
    texts += [row[1][0][4][0]["c"] for row in rows["c"][4][0][3]]
    assert plain(texts) == [*(f"A {name}, B." for name in NAMES), *NAMES, *NAMES]
    assert {block["t"] for block in paragraphs} == {"Para"}
    kinds = {each["t"] for text in texts for each in text}
    assert kinds == {"Str", "Space", "Span"}


def test_text_that_is_not_ours_stays_in_its_line():
    assert escaped("a\tb\r\n\n\nc") == "a b c"


def test_escaped_text_can_be_read_where_markdown_is_not():
    for name in NAMES:
        assert readable(f"A {escaped(name)}.") == f"A {name}."


def test_jupyter_takes_no_name_for_a_formula():
    for name in ("$5$", r"\(x\)", r"\begin{a}"):
        assert escaped(name).startswith('<span class="mathjax_ignore">')
        assert r"\\" not in escaped(name)  # Jupyter reads `\\(` as the beginning of a formula
    assert escaped("<b>") == r"\<b\>"


def test_a_part_is_filled_in_a_line_for_each_paragraph(planted):
    written = about(".1f", 2.0, 1.0, 3.0)
    assert planted.part("greeting", {"about": written, "many": False, "more": False}) == (
        f"2.0{NO_BREAK}±{NO_BREAK}1.0 images.\n\nThe last paragraph."
    )
    filled = planted.part("greeting", {"about": "3", "many": True, "more": True})
    assert (
        filled
        == "3 images, many of them.\n\nA paragraph that may be missing.\n\nThe last paragraph."
    )


def test_a_condition_on_a_line_of_its_own_does_not_end_a_paragraph(planted):
    assert planted.part("branches", {"more": True, "many": False}) == (
        "Before. More. After.\n\nAnother paragraph."
    )
    less = planted.part("branches", {"more": False, "many": False})
    assert less == "Before. Less, and less. After."
    less = planted.part("branches", {"more": False, "many": True})
    assert less == "Before. Less, many, and less. After."


def test_a_value_that_is_missing_is_an_error(planted):
    with pytest.raises(jinja2.UndefinedError, match="many"):
        planted.part("greeting", {"about": "3", "more": False})


def test_a_part_that_is_missing_is_an_error_that_names_those_there_are(planted):
    with pytest.raises(
        KeyError, match=r"planted\.md has no part 'farewell'; there are greeting, fig"
    ):
        planted.part("farewell", {})
    with pytest.raises(FileNotFoundError):
        Text("another")


def test_a_caption_is_apart_from_its_alternative_text(planted):
    facts = {"leakage": Proportion(0.5, 0.4, 0.6), "sigma": 1e-5}
    assert planted.caption("fig-one", facts) == (
        "Leakage of 50.0% (40.0–60.0%) at σ = 10⁻⁵.",
        "A line.",
    )
    assert planted.caption("tbl-one", {}) == ("A table.", "")


def test_one_part_is_the_caption_of_a_figure_for_each_loss(planted):
    assert planted.caption("fig-epochs-l1-l2", {"loss": "l1+l2"})[0] == "With L1+L2."
    assert planted.labels(["l1", "l1+l2"]) == {
        "fig-one",
        "fig-epochs-l1",
        "fig-epochs-l1-l2",
        "tbl-one",
    }


def test_the_rows_of_a_table_are_paragraphs_with_bars(planted):
    assert planted.rows("rows", {"value": 1}) == [["a", "1.0"], ["b", "two words"]]


@pytest.mark.parametrize("path", sorted(text.FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_the_words_of_every_section_are_valid_and_every_figure_has_an_alternative_text(path):
    Text(path.stem)  # raises for a template that cannot be parsed
    for piece in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, _, body = piece.partition("\n")
        assert name == name.strip()
        assert ("\n\nAlt: " in body) == name.startswith("fig-"), name
