"""What a notebook may hand to the builder, and what is said of anything else."""

from typing import Any

import pytest

from reports.schema import GIF, HTML, PNG, SVG, Figure, Finding, Numbers, Verdict, published

GOOD = {"kind": "figure", "label": "fig-a", "caption": "c", "alt": "a"}


@pytest.mark.parametrize(
    "given",
    [
        Figure(kind="live", label="fig-a-1", caption="c", alt="a", width=0.5, runs=("x", "y")),
        Figure(kind="table", label="tbl-a", caption="c"),
        Numbers(numbers={"best": [0.1, {"σ": 1}], "none": None}),
        Finding(
            id=1,
            claim="c",
            figure="fig-a",
            verdicts={name: Verdict(holds=None, evidence="e") for name in ("GLO", "VAE")},
        ),
    ],
    ids=lambda given: given.kind,
)
def test_what_is_published_is_what_is_read(given: Any) -> None:
    assert published(given.metadata()) == given


def test_an_output_without_metadata_is_not_published() -> None:
    assert published({}) is None
    assert published({"image/png": {"width": 9}}) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "tbl-a"}, "figure with label 'tbl-a'; it must look like fig-words-in-lower"),
        ({"label": "fig-A"}, "'fig-A'; it must look like"),
        ({"label": None}, "figure.label = None: Input should be a valid string"),
        ({"caption": " "}, "'fig-a' has no caption"),
        ({"alt": ""}, "'fig-a' has no alt"),
        ({"width": 60}, "width 60 of 'fig-a' must be above 0 and at most 1"),
        ({"width": 0}, "width 0 of"),
        ({"colour": "red"}, "figure.colour = 'red': Extra inputs are not permitted"),
        ({"kind": "figur"}, "kind 'figur' is not one of figure, live, animation, table, numbers"),
        ({"kind": None}, "kind None is not one of"),
        ({"kind": "finding"}, "finding.id = .*: Field required; finding.claim"),
    ],
)
def test_what_is_not_as_it_must_be_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}" if "kind" in changes else message):
        published({"glo": GOOD | changes})


def test_metadata_without_kind_are_named() -> None:
    with pytest.raises(ValueError, match=r"^kind None is not one of"):
        published({"glo": {"label": "fig-a"}})
    with pytest.raises(ValueError, match=r"^metadata = 'fig-a': Input should be"):
        published({"glo": "fig-a"})


@pytest.mark.parametrize(
    ("kind", "label", "data", "message"),
    [
        ("figure", "fig-a", {HTML}, r"needs data as image/svg\+xml or image/png"),
        ("live", "fig-a", {SVG}, "needs data as text/html"),
        ("animation", "fig-a", {HTML, PNG}, "needs data as image/gif"),
        ("table", "tbl-a", {HTML}, "table 'tbl-a' needs data as text/markdown"),
    ],
)
def test_each_kind_has_data_that_it_needs(
    kind: Any, label: str, data: set[str], message: str
) -> None:
    figure = Figure(kind=kind, label=label, caption="c", alt="a")
    with pytest.raises(ValueError, match=message):
        figure.check(dict.fromkeys(data, ""))
    figure.check(dict.fromkeys({*data, GIF, PNG, HTML, "text/markdown"}, ""))


@pytest.mark.parametrize(
    ("holds", "words"),
    [(True, "holds"), (False, "does not hold"), (None, "cannot be decided here")],
)
def test_the_words_of_a_verdict_change_with_it(holds: bool | None, words: str) -> None:
    assert Verdict(holds=holds, evidence="e").words == words
