"""What a notebook hands to the builder, as the kernel sends it."""

import base64
import io
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image

from glo_core.measures.intervals import Proportion
from reports.schema import Finding, Verdict, published
from reports.show import publish
from reports.show.animation import Animation
from reports.show.plots import against_sigma
from reports.show.words import escaped


@pytest.fixture
def sent():
    """Runs a function and gives back the outputs that it displays."""
    InteractiveShell.instance()

    def run(function, *arguments, **named):
        with capture_output() as captured:
            function(*arguments, **named)
        return captured.outputs

    return run


def test_a_plot_is_sent_as_vectors_with_all_the_builder_needs(sent):
    plot = against_sigma([0, 1], {"L1": [1, 2]}, "loss")
    (output,) = sent(
        publish.show, "fig-a", plot, "A & B.", "two points", width=0.5, runs=("l1-a", "l1-b")
    )
    assert output.data["image/svg+xml"].startswith("<?xml")
    assert 'alt="two points"' in output.data["text/html"]
    assert "A &amp; B." in output.data["text/html"]
    assert output.metadata["glo"] == {
        "kind": "figure",
        "label": "fig-a",
        "caption": "A & B.",
        "alt": "two points",
        "width": 0.5,
        "runs": ["l1-a", "l1-b"],
    }


def test_a_caption_in_jupyter_has_names_as_they_are_and_no_formulas(sent):
    name = r"<b> $5$ \(x\) a_b"
    plot = against_sigma([0, 1], {"L1": [1, 2]}, "loss")
    (output,) = sent(publish.show, "fig-a", plot, f"Of {escaped(name)}.", "two points")
    caption = BeautifulSoup(output.data["text/html"], "html.parser").figcaption
    assert caption.text == f"Of {name}."
    assert "mathjax_ignore" in caption["class"]


def test_the_same_plot_is_the_same_bytes(sent):
    def plotted():
        plot = against_sigma([0, 1], {"L1": [[1, 0, 2], [2, 1, 3]]}, "loss")
        return sent(publish.show, "fig-a", plot, "A.", "a")[0].data["image/svg+xml"]

    assert plotted() == plotted()


def test_a_mosaic_is_sent_as_png(sent):
    picture = Image.fromarray(np.zeros((8, 9), np.uint8))
    (output,) = sent(publish.show, "fig-a", picture, "A.", "black")
    with Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))) as shown:
        assert shown.size == (9, 8)


def test_an_animation_has_its_three_forms(sent):
    frames = Animation([Image.new("L", (60, 40), value) for value in (0, 200)], ["a", "b"])
    (output,) = sent(publish.show_animation, "fig-m", frames, "M.", "moves")
    assert set(output.data) == {"text/html", "image/png", "image/gif"}
    assert base64.b64decode(output.data["image/gif"]).startswith(b"GIF8")
    assert output.metadata["glo"]["kind"] == "animation"


def test_a_table_is_one_pipe_table(sent):
    (output,) = sent(publish.show_table, "tbl-t", ["a", "b"], [["1", "2"]], "T.")
    assert output.data["text/markdown"] == "| a | b |\n| :-- | :-- |\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("cells", "widths"),
    [
        (["12345", "x y"], [5, 3]),  # all that they want
        (["12345", "x " * 100], [5, 85]),  # all of the page
        (["w " * 30, "x " * 300], [18, 72]),  # the longer cell gets more
        (["see @fig-" + "of-a-long-name" * 9, "x y"], [13, 3]),  # which reads "see Figure 12"
        (["1" * 40, "2" * 45, "word and some more words"], [40, 45, 5]),  # words stay whole
        (["1" * 40, "2" * 40, "two words of many"], [40, 40, 10]),  # with what is left
    ],
)
def test_columns_are_as_wide_as_their_cells_while_the_page_has_room(sent, cells, widths):
    (output,) = sent(publish.show_table, "tbl-t", ["a"] * len(cells), [cells], "T.")
    ruler = output.data["text/markdown"].splitlines()[1]
    assert ruler == f"| {' | '.join(':' + '-' * width for width in widths)} |"


def test_numbers_and_findings_travel_in_the_metadata(sent):
    (output,) = sent(publish.record, proportion=Proportion(0.5, 0.4, 0.6))
    assert output.metadata["glo"]["numbers"] == {"proportion": [0.5, 0.4, 0.6]}
    verdicts = {
        "GLO": Verdict(holds=False, evidence="it stood still"),
        "the other": Verdict(holds=None, evidence="it was never seen"),
    }
    finding = Finding(id=2, claim="it moves.", figure="fig-m", verdicts=verdicts)
    prose, output = sent(publish.state, finding)
    assert prose.data["text/markdown"] == (
        "**Claim 2: it moves.** Does not hold for GLO: it stood still (@fig-m). "
        "Cannot be decided here for the other: it was never seen."
    )
    assert output.data["text/plain"] == "does not hold, cannot be decided here"
    assert published(output.metadata) == finding


def test_numbers_of_a_plot_are_shortened_but_not_the_size_of_its_letters(sent):
    plot = against_sigma([0, 1], {"L1": [1 / 3, 2 / 3]}, "loss")
    file = io.StringIO()
    plot.savefig(file, format="svg")
    (output,) = sent(publish.show, "fig-a", plot, "A.", "a")
    short = output.data["image/svg+xml"]
    assert len(short) < 0.9 * len(file.getvalue())
    scales = re.compile(r"scale\([^)]*\)")
    assert set(scales.findall(short)) == set(scales.findall(file.getvalue()))
