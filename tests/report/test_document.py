"""The binder on made-up notebooks: one numbering in both documents, errors that name the place."""

import base64
import copy
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import nbformat.v4
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from PIL import Image
from pypdf import PdfReader
from report.test_text import NAMES

from reports.bind import pandoc
from reports.bind.document import Front, Report, bind, collect
from reports.bind.outputs import ExecutedSection, read_outputs
from reports.bind.pandoc import DocumentError
from reports.bind.paper import write_pdf
from reports.bind.web import write_animations, write_html
from reports.show.words import escaped

V4: Any = nbformat.v4
FRONT = Front(
    title="Digits <from> codes & noise",
    subtitle="A made-up report",
    authors=("Ada Example", "Ben Example"),
    date="24 November 2026",
    abstract="We fit $z_i$ and *nothing* else; see @tbl-best.",
    footer="Made from nothing, revision 0123abc",
    command="make report 'PARAMS=<a file>.yaml'",
)
SMALL = replace(FRONT, abstract="Short.")  # whose abstract refers to nothing


def bound(sections: list[ExecutedSection], front: Front = SMALL) -> Report:
    return bind(sections, read_outputs(sections), front)


@cache
def svg() -> str:
    figure = Figure(figsize=(6, 2.6))
    axes = figure.add_subplot()
    axes.plot([0, 1, 2, 3], [0.9, 0.5, 0.42, 0.4], label="L1")
    axes.plot([0, 1, 2, 3], [0.8, 0.6, 0.5, 0.33], label="Laplacian")
    axes.set_xlabel("epoch")
    axes.legend()
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "fixed"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


@cache
def picture(width: int, height: int, form: str) -> str:
    frames = [Image.linear_gradient("L").rotate(90 * i).resize((width, height)) for i in range(3)]
    file = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:]} if form == "GIF" else {}
    frames[0].save(file, form, **more)
    return base64.b64encode(file.getvalue()).decode()


def player() -> str:
    frame = f'<img src="data:image/png;base64,{picture(40, 40, "PNG")}" alt="frame 0">'
    slider = '<input type="range" min="0" max="2" aria-label="frame"><output>0</output>'
    return f"<glo-player>{frame}{slider}</glo-player>"


def code(source: str, *outputs: Any, tags: tuple[str, ...] = ()) -> Any:
    return V4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def shown(data: dict[str, Any], **glo: Any) -> Any:
    return V4.new_output("display_data", data, metadata={"glo": glo} if glo else {})


def figure(label: str, caption: str = "What is seen.", **more: Any) -> Any:
    more = {"alt": 'Two "curves" <falling>', **more}
    return shown({"image/svg+xml": svg()}, kind="figure", label=label, caption=caption, **more)


def animation(label: str) -> Any:
    data = {
        "text/html": player(),
        "image/png": picture(600, 60, "PNG"),
        "image/gif": picture(40, 40, "GIF"),
    }
    caption = "One digit turns into another, as in @fig-losses."
    return shown(data, kind="animation", label=label, caption=caption, alt="Film strip of a digit")


def live(label: str) -> Any:
    data = {"text/html": f"<glo-player>{LIVE}</glo-player>", "image/svg+xml": svg()}
    return shown(data, kind="live", label=label, caption="Moves.", alt="Still", runs=["l1-a", "b"])


def table(label: str, rows: int = 3) -> Any:
    lines = ["| model [@lecun1998] | $\\sigma$ | error |", "|:--|--:|--:|"]
    lines += [f"| L{i} | {i / 10} | {0.5 - i / 100:.3f} |" for i in range(rows)]
    data = {"text/markdown": "\n".join(lines)}
    return shown(data, kind="table", label=label, caption="Best models, drawn in @fig-losses.")


def numbers(**values: Any) -> Any:
    return shown({"text/plain": "recorded"}, kind="numbers", numbers=values)


def finding(number: int, holds: bool | None) -> Any:
    words = {"claim": f"claim {number} is so", "figure": "fig-turn"}
    verdicts = {"GLO": {"holds": holds, "evidence": "0.3 < 0.5"}}
    return shown({"text/plain": "words"}, kind="finding", id=number, verdicts=verdicts, **words)


LIVE = '<div class="plot"><img alt="A plot" src="data:image/svg+xml,"></div>'
MATH = r"""
$$\mathcal{L}(\theta, z) = \frac{1}{N}\sum_{i=1}^{N} \sum_{j} 2^{-2j}
\lVert L^j(\hat{x}_i) - L^j(x_i) \rVert_1 + \lambda \lVert z_i \rVert_2^2$$ {#eq-loss}

with $\hat{x}_i = G_\theta(c_{y_i}, z_i + \epsilon)$, $\epsilon \sim \mathcal{N}(0, \sigma^2 I)$.
"""


def sections() -> list[ExecutedSection]:
    """Three notebooks with everything that a notebook of the report may hold."""
    method = [
        V4.new_markdown_cell(
            "# Method {#sec-method}\n\nWe look at @fig-losses and @sec-noise." + MATH
        ),
        code("epochs = 6", tags=("parameters",)),
        code("epochs = 7", tags=("injected-parameters",)),
        code("import secret", numbers(seed=7), figure("fig-hidden"), tags=("setup",)),
        code("losses = train()  # shown folded", V4.new_output("stream", text="step 1 of 9")),
        code("show(losses)", figure("fig-losses", r"Error for $\sigma = 0.1$; *lower* is better.")),
        V4.new_markdown_cell(
            "## Details\nWe list\n- write to a@b.org\n- or `x @ y`\n\nSee @tbl-best."
        ),
    ]
    noise = [
        V4.new_markdown_cell("# Noise {#sec-noise}\n\nNothing is hidden in @sec-method."),
        code("say()", shown({"text/markdown": "The *best* error is 0.4."}), tags=("hide-input",)),
        V4.new_markdown_cell(
            "## Details {#sec-noise-details}\n\nOne more picture[^1]; a code may be\n"
            "$$z = 0$$ {#eq-nothing}\nin @eq-nothing, unlike @eq-loss, as @kingma2015 do not say."
            "\n\n[^1]: A note [@bojanowski2018]."
        ),
        code("move()", animation("fig-turn"), finding(2, True), numbers(best=0.4)),
        code("rank()", table("tbl-best"), finding(1, False)),
        code("drag()", live("fig-live")),
    ]
    last = [
        V4.new_markdown_cell("# Conclusion\n\nAs @fig-last shows, see @sec-noise-details."),
        code("end()", figure("fig-last", width=0.5), numbers(best=0.3)),
        V4.new_markdown_cell(
            "A paper: [doi](https://doi.org/10.48550/arXiv.1707.05776).\n## Details\nNone."
        ),
    ]
    names = ("10-method", "20-noise", "30-conclusion")
    cells = (method, noise, last)
    return [ExecutedSection(name, notebook(*c)) for name, c in zip(names, cells, strict=True)]


def notebook(*cells: Any) -> Any:
    book = V4.new_notebook(cells=list(cells))
    nbformat.validate(book)
    return book


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    report = bound(sections(), FRONT)
    write_html(report, folder / "report.html")
    write_pdf(report, folder / "report.pdf")
    write_animations(report, folder / "animations")
    return folder


@pytest.fixture(scope="module")
def page(built: Path) -> Any:
    return BeautifulSoup((built / "report.html").read_text("utf-8"), "html.parser")


@pytest.fixture(scope="module")
def paper(built: Path) -> str:
    pages = pdf(built / "report.pdf").pages
    return " ".join(" ".join(p.extract_text() for p in pages).split())


def pdf(path: Path) -> Any:
    return PdfReader(path)


def words(text: str) -> str:
    return " ".join(text.split())


def test_both_documents_number_alike(page: Any, paper: str) -> None:
    expected = {
        "fig-losses": "Figure 1. Error for",
        "fig-turn": "Figure 2. One digit turns",
        "fig-live": "Figure 3. Moves.",
        "fig-last": "Figure 4. What is seen.",
        "tbl-best": "Table 1. Best models",
    }
    for label, start in expected.items():
        caption = page.find("figure", id=label).figcaption
        assert words(caption.get_text()).startswith(start)
        assert start in paper


def test_headings_number_alike(page: Any, built: Path, paper: str) -> None:
    headings = [words(h.get_text(" ")) for h in page.main.select("section > h1, section > h2")]
    assert headings == [
        "1 Method",
        "1.1 Details",
        "2 Noise",
        "2.1 Details",
        "3 Conclusion",
        "3.1 Details",
        "References",
    ]
    assert [words(a.get_text(" ")) for a in page.nav.find_all("a")] == headings
    for heading in headings:
        assert heading in paper
    outline = pdf(built / "report.pdf").outline
    titles = [item.title for item in outline if not isinstance(item, list)]
    assert titles == ["1 Method", "2 Noise", "3 Conclusion", "References"]


def test_references_name_their_targets(page: Any, paper: str) -> None:
    titles = {a["href"]: a.get_text() for a in page.select("a.ref")}
    assert titles == {
        "#fig-losses": "Figure 1",
        "#fig-last": "Figure 4",
        "#tbl-best": "Table 1",
        "#sec-method": "Section 1",
        "#sec-noise": "Section 2",
        "#sec-noise-details": "Section 2.1",
        "#eq-nothing": "Equation 2",
        "#eq-loss": "Equation 1",
    }
    assert "We look at Figure 1 and Section 2." in paper
    assert "see Table 1." in paper.split("Contents")[0]  # the abstract's reference


def test_links_have_targets_and_ids_are_unique(page: Any) -> None:
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    inner = [a["href"][1:] for a in page.find_all("a", href=re.compile("^#"))]
    assert len(inner) > 10
    assert set(inner) <= set(ids)


def test_page_loads_nothing(page: Any, built: Path) -> None:
    for tag in page.find_all(src=True):
        assert tag["src"].startswith("data:image/")
    assert not page.find_all(["link", "iframe", "object", "video", "audio"])
    assert "url(" not in page.style.string
    assert "@import" not in page.style.string
    assert not [s for s in page.find_all("script") if re.search("import|fetch|http", s.string)]
    relative = {a["href"] for a in page.select("a[href]") if not re.match("#|https:", a["href"])}
    assert relative == {"animations/turn.gif"}
    assert (built / "animations" / "turn.gif").is_file()


def test_images_have_alternative_texts(page: Any, built: Path) -> None:
    images = page.find_all("img")
    assert len(images) == 4  # two figures, a frame of the player, the plot of the live figure
    assert all(image["alt"] for image in images)
    assert page.find("figure", id="fig-losses").img["alt"] == 'Two "curves" <falling>'
    tags = pdf(built / "report.pdf").trailer["/Root"]["/StructTreeRoot"]
    assert 'Two "curves" <falling>' in alternatives(tags)


def alternatives(node: Any) -> set[str]:
    """All alternative texts below a node of a PDF's structure tree."""
    if isinstance(node, list):
        return set().union(*map(alternatives, node))
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        return alternatives(node)
    if not isinstance(node, dict):
        return set()
    own = {str(node["/Alt"])} if "/Alt" in node else set()
    return own | alternatives(node.get("/K", []))


def test_code_is_folded_on_the_page_and_absent_on_paper(page: Any, paper: str) -> None:
    folded = page.find_all("details", class_="code")
    assert "losses = train()" in folded[0].get_text()
    assert all(not details.has_attr("open") for details in folded)
    assert folded[0].select(".co")  # highlighted: a comment
    assert all(pre.find_parent("details") for pre in page.find_all("pre"))
    assert "train()" not in paper


@pytest.mark.parametrize("text", ["epochs = ", "import secret", "fig-hidden", "step 1", "say()"])
def test_hidden_things_stay_hidden(text: str, built: Path, paper: str) -> None:
    assert text not in (built / "report.html").read_text("utf-8")
    assert text not in paper


def test_prose_from_code_is_text(page: Any, paper: str) -> None:
    assert "The best error is 0.4." in page.main.get_text()
    assert "The best error is 0.4." in paper


def test_plain_at_signs_stay(page: Any, paper: str) -> None:
    for text in ("a@b.org", "x @ y"):
        assert text in page.main.get_text()
        assert text in paper


def test_names_are_text_in_both_documents(tmp_path: Path) -> None:
    lines = [f"A {name}, B." for name in NAMES]
    said = "\n\n".join(f"A {escaped(name)}, B." for name in NAMES)
    captioned = figure("fig-names", " ".join(said.split()), alt=" ".join(NAMES))
    cells = (
        V4.new_markdown_cell("# Names"),
        code("say()", shown({"text/markdown": said})),
        code("show()", captioned),
    )
    report = bound([ExecutedSection("10-names", notebook(*cells))])
    assert collect(report)[0]["caption"] == " ".join(lines)
    write_html(report, tmp_path / "report.html")
    write_pdf(report, tmp_path / "report.pdf")
    page = BeautifulSoup((tmp_path / "report.html").read_text("utf-8"), "html.parser")
    paragraphs = page.select("main section > p")
    assert [each.text for each in paragraphs] == lines
    assert page.select_one("main img")["alt"] == " ".join(NAMES)
    assert words(page.figcaption.p.text) == " ".join(["Figure 1.", *lines])
    assert {inner.name for each in paragraphs for inner in each.find_all()} == {"span"}
    pages = pdf(tmp_path / "report.pdf").pages
    paper = "".join("".join(each.extract_text() for each in pages).split())
    for name in filter(str.isascii, NAMES):  # others may need a font
        assert paper.count(f"A{''.join(name.split())},B.") == 2


def test_lists_need_no_blank_line(page: Any) -> None:
    assert words(page.main.ul.li.get_text()) == "write to a@b.org"


def test_formulas_are_mathml(page: Any, paper: str) -> None:
    formula = page.find("math", display="block")
    names = {tag.name for tag in formula.find_all()}
    assert {"mfrac", "munderover", "mover", "msubsup"} <= names
    assert "∑" in paper


def test_formulas_number_alike(page: Any, built: Path, paper: str) -> None:
    numbers = {tag["id"]: tag.select_one(".number").get_text() for tag in page.select(".formula")}
    assert numbers == {"eq-loss": "(1)", "eq-nothing": "(2)"}
    assert paper.index("∑") < paper.index("(1)") < paper.index("One more picture")
    assert re.search(r"a code may be .{1,9} \(2\) in Equation 2, unlike Equation 1,", paper)


def test_cited_works_are_listed(page: Any, paper: str) -> None:
    cited = {a["href"]: a.get_text() for a in page.select("a[role=doc-biblioref]")}
    assert cited == {
        "#ref-kingma2015": "2015",
        "#ref-bojanowski2018": "Bojanowski et al. 2018",
        "#ref-lecun1998": "LeCun et al. 1998",
    }
    works = [tag["id"] for tag in page.select("#sec-references .csl-entry")]
    assert works == ["ref-bojanowski2018", "ref-kingma2015", "ref-lecun1998"]
    for text in ("as Kingma and Ba (2015) do not say", "A note (Bojanowski et al. 2018)."):
        assert text in words(page.main.get_text())
        assert text in paper
    listed = paper[paper.rindex("References") :]
    assert listed.index("Bojanowski, Piotr") < listed.index("Kingma, Diederik P., and Jimmy Ba")


def test_without_citations_there_is_no_list(tmp_path: Path) -> None:
    write_html(bound(one("Text.")), tmp_path / "report.html")
    page = BeautifulSoup((tmp_path / "report.html").read_text("utf-8"), "html.parser")
    assert [words(h.get_text(" ")) for h in page.select("section > h1")] == ["1 One"]


def test_table_carries_its_caption_above(page: Any, paper: str) -> None:
    names = [tag.name for tag in page.find("figure", id="tbl-best").find_all(recursive=False)]
    assert names == ["figcaption", "div"]
    assert paper.index("Table 1. Best models") < paper.index("L0 0.0 0.500")


def test_animation_moves_on_the_page_and_stands_on_paper(page: Any, built: Path) -> None:
    animation = page.find("figure", id="fig-turn")
    assert animation.select_one("glo-player input[type=range]")
    assert "Film strip of a digit" in alternatives(
        pdf(built / "report.pdf").trailer["/Root"]["/StructTreeRoot"]
    )
    gif: Any
    with Image.open(built / "animations" / "turn.gif") as gif:
        assert (gif.n_frames, gif.size) == (3, (40, 40))
    images = [image for p in pdf(built / "report.pdf").pages for image in p.images]
    assert [image.image.size for image in images] == [(600, 60)]  # the figures are vectors


def test_a_live_figure_is_live_on_the_page_and_still_on_paper(page: Any, built: Path) -> None:
    assert page.select_one("#fig-live > glo-player > .plot")
    tags = pdf(built / "report.pdf").trailer["/Root"]["/StructTreeRoot"]
    assert "Still" in alternatives(tags)


def test_a_figure_says_where_it_is_from_and_how_it_is_made_again(page: Any) -> None:
    origin = page.select_one("#fig-live .source")
    found = {term.text: term.find_next("dd").text for term in origin.select("dt")}
    assert found == {
        "label": "fig-live",
        "notebook": "notebooks/20-noise.ipynb",
        "models in runs/": "l1-a b",
        "command": FRONT.command,
    }
    assert origin.a["href"] == "#fig-live"
    assert len(page.select("figure")) == len(page.select("figure .source"))
    assert "models in runs/" not in page.select_one("#fig-last .source").text


def test_the_page_allows_its_own_script_alone(page: Any) -> None:
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    (script,) = [each for each in page.find_all("script") if not each.get("type")]
    digest = hashlib.sha256(script.string.encode()).digest()
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert not [tag for tag in page.find_all(True) if any(name[:2] == "on" for name in tag.attrs)]


def test_front_matter(page: Any, built: Path, paper: str) -> None:
    assert page.html["lang"] == "en"
    assert page.title.string == FRONT.title
    assert FRONT.title in page.h1.get_text()
    info = pdf(built / "report.pdf").metadata
    assert info.title == FRONT.title
    assert info.author == "Ada Example, Ben Example"
    for text in (FRONT.title, FRONT.subtitle, FRONT.date, FRONT.footer, "Ben Example"):
        assert text in words(page.main.get_text())
        assert text in paper


def test_collected() -> None:
    outputs = read_outputs(sections())
    assert outputs.numbers == {
        "method": {"seed": 7},
        "noise": {"best": 0.4},
        "conclusion": {"best": 0.3},
    }
    holds = [(found.id, found.verdicts["GLO"].holds) for found in outputs.findings]
    assert holds == [(2, True), (1, False)]
    figures = collect(bound(sections()))
    assert [(f["label"], f["number"], f["kind"], f["section"]) for f in figures] == [
        ("fig-losses", 1, "figure", "method"),
        ("fig-turn", 2, "animation", "noise"),
        ("tbl-best", 1, "table", "noise"),
        ("fig-live", 3, "live", "noise"),
        ("fig-last", 4, "figure", "conclusion"),
    ]
    assert [figure["caption"] for figure in figures] == [
        "Error for σ = 0.1; lower is better.",
        "One digit turns into another, as in Figure 1.",
        "Best models, drawn in Figure 1.",
        "Moves.",
        "What is seen.",
    ]
    assert [figure["runs"] for figure in figures] == [[], [], [], ["l1-a", "b"], []]


def test_plain_texts_stay_apart() -> None:
    (block,) = pandoc.parse("here", "*a* $\\sigma^2$ and\\\nb")
    assert pandoc.plain([block["c"], [], block["c"][:1]]) == ["a σ² and b", "", "a"]
    assert pandoc.plain([]) == []
    sign = "a \N{SYMBOL FOR RECORD SEPARATOR}, b"
    assert pandoc.plain([[pandoc.string(sign)], block["c"]]) == [sign, "a σ² and b"]


def test_a_report_is_bound_once_and_written_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run of pandoc for each notebook, the abstract, all captions, and each document."""
    runs: list[str] = []
    run = pandoc.pandoc

    def counted(where: str, text: str, *options: str) -> str:
        runs.append(where)
        return run(where, text, *options)

    monkeypatch.setattr(pandoc, "pandoc", counted)
    report = bound(sections(), FRONT)
    before = copy.deepcopy(report)
    for name in ("first.html", "again.html"):
        write_html(report, tmp_path / name)
        write_pdf(report, tmp_path / "report.pdf")
    write_animations(report, tmp_path / "animations")
    collect(report)
    assert report == before
    assert (tmp_path / "first.html").read_bytes() == (tmp_path / "again.html").read_bytes()
    assert runs == [
        *("10-method", "20-noise", "30-conclusion", "abstract"),
        *2 * ("report.html", "report.typst"),
        "report.plain",
    ]


@pytest.mark.parametrize(
    ("name", "write"), [("report.html", write_html), ("report.pdf", write_pdf)]
)
def test_same_notebooks_give_the_same_bytes(
    name: str, write: Callable[..., None], built: Path, tmp_path: Path
) -> None:
    write(bound(sections(), FRONT), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (built / name).read_bytes()


@pytest.mark.parametrize("write", [write_html, write_pdf])
def test_failed_writing_leaves_the_previous_report(
    write: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "report"
    file.write_text("previous")
    broken = shown({"image/png": "AAAA"}, kind="figure", label="fig-a", caption="c", alt="a")
    bad = one("", broken) if write is write_pdf else one(r"$\nosuch{x}$")
    with pytest.raises(DocumentError, match=r"image|nosuch"):
        write(bound(bad), file)
    assert file.read_text() == "previous"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("write", [write_html, write_pdf])
def test_interrupted_writing_leaves_the_previous_report(
    write: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report"
    file.write_text("previous")

    def interrupt(*paths: Path) -> None:
        raise KeyboardInterrupt

    report = bound(one("Text."))
    monkeypatch.setattr("os.replace", interrupt)  # the last step, and the only one that shows
    with pytest.raises(KeyboardInterrupt):
        write(report, file)
    assert file.read_text() == "previous"


def one(text: str, *outputs: Any) -> list[ExecutedSection]:
    cells = [V4.new_markdown_cell(f"# One {{#sec-one}}\n\n{text}"), code("show()", *outputs)]
    return [ExecutedSection("10-one", notebook(*cells))]


FAILED = V4.new_output("error", ename="ValueError", evalue="sigma is -1", traceback=[])
BAD_KIND = shown({"text/markdown": "x"}, kind="figur", label="fig-a", caption="c", alt="a")
BARE = V4.new_output("display_data", {"image/png": "AAAA"})
NO_GIF = shown(
    {"text/html": "x", "image/png": "AAAA"}, kind="animation", label="fig-a", caption="c", alt="a"
)
NO_TABLE = shown({"text/markdown": "text"}, kind="table", label="tbl-a", caption="c")


@pytest.mark.parametrize(
    ("text", "outputs", "message"),
    [
        ("See @fig-conversion.", [figure("fig-conversions")], "fig-conversion;.* @fig-conversions"),
        ("See @sec-two.", [], "10-one: unknown reference @sec-two.*@sec-one"),
        ("See [@kingma2051].", [], "10-one: unknown work @kingma2051.*nearest.*@kingma2015"),
        ("See [@kingma2015; @someone].", [], "unknown work @someone"),
        ("See [@kingma2015; @sec-one].", [], "single @labels"),
        ("", [figure("fig-a", caption="As @kingma2015.")], "caption of 'fig-a' must not cite"),
        ("$$a = b$$", [], "10-one: the displayed formula 'a = b' has no label"),
        ("$$a = b$$ {#eq-A}", [], "'a = b' has no label; write {#eq-words"),
        ("*so $$a = b$$* {#eq-a}", [], "'a = b' has no label"),
        ("$$a$$ {#eq-a}\n\n$$b$$ {#eq-a}", [], "label 'eq-a' is already used"),
        ("See @eq-b.\n\n$$a$$ {#eq-a}", [], "unknown reference @eq-b.*@eq-a"),
        ("See [@fig-a; @fig-b].", [figure("fig-a"), figure("fig-b")], "single @labels"),
        ("## Again {#sec-one}", [], "10-one: .*'sec-one'"),
        ("", [figure("fig-a"), figure("fig-a")], "10-one, cell 2: .*'fig-a' is already used"),
        ("", [figure("fig-a", caption=" ")], "'fig-a' has no caption"),
        ("", [figure("fig-a", alt="")], "'fig-a' has no alt"),
        ("", [figure("a")], "label 'a'; it must look like fig-"),
        ("", [figure("fig-a", width=60)], "width 60 of 'fig-a'"),
        ("", [figure("fig-a", caption="one\n\ntwo")], "'fig-a' must have .*one paragraph"),
        (
            "",
            [BAD_KIND],
            "10-one, cell 2: kind 'figur' is not one of figure, live, animation, table, numb",
        ),
        ("", [BARE], "10-one, cell 2: a figure without label"),
        ("", [NO_GIF], "'fig-a' needs data as image/gif"),
        ("", [NO_TABLE], "'tbl-a' must have .*pipe table"),
        ("", [FAILED], "10-one, cell 2: .*ValueError: sigma is -1"),
        ("", [numbers(a=1), numbers(a=2)], "result 'a' already has another value"),
        ("A <b>bold</b> word", [], "raw HTML.*<b>"),
        ("\\begin{align} a \\end{align}", [], "raw TeX"),
        ("![x](x.png)", [], "images"),
    ],
)
def test_errors_name_the_place(text: str, outputs: list[Any], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        bound(one(text, *outputs))


def test_cells_are_counted_as_in_the_notebook_that_was_run() -> None:
    cells = [code("a = 1", tags=("parameters",)), code("a = 2", tags=("injected-parameters",))]
    cells += [code("fail()", FAILED)]
    with pytest.raises(DocumentError, match="10-one, cell 2: the cell failed"):
        read_outputs([ExecutedSection("10-one", notebook(*cells))])


def test_unknown_formula_is_an_error(tmp_path: Path) -> None:
    for write in (write_html, write_pdf):
        with pytest.raises(DocumentError, match=r"\\nosuch"):
            write(bound(one(r"$\nosuch{x}$")), tmp_path / "report")


def test_first_cell_is_a_heading_and_names_differ() -> None:
    untitled = ExecutedSection("10-one", notebook(V4.new_markdown_cell("Text")))
    with pytest.raises(DocumentError, match="10-one: the first cell must start with"):
        bound([untitled])
    with pytest.raises(DocumentError, match="two sections are called 'one'"):
        bound([*one(""), ExecutedSection("20-one", notebook())])


def test_a_table_wider_than_the_page_shares_it_out_as_its_ruler_says(tmp_path: Path) -> None:
    def columns(cell: str) -> list[str]:
        rows = f"| a | b |\n| :--- | :--------- |\n| {cell} | {cell} |"
        table = shown({"text/markdown": rows}, kind="table", label="tbl-a", caption="Words.")
        write_html(bound(one("", table)), tmp_path / "report.html")
        page = BeautifulSoup((tmp_path / "report.html").read_text("utf-8"), "html.parser")
        return [str(column["style"]) for column in page.find_all("col")]

    assert columns("word") == []
    assert columns("some words " * 9) == ["width: 28%", "width: 71%"]  # 4 and 10 of 14 characters


@pytest.mark.parametrize("lines", [8, 32])
def test_text_fills_the_page_that_a_figure_does_not_fit_on(lines: int, tmp_path: Path) -> None:
    """After 8 lines there is room for it; after 32, its text goes on and the figure follows."""
    text = "# One\n\n" + "A line.\n\n" * lines
    cells = [V4.new_markdown_cell(text), code("show()", figure("fig-a", width=0.9))]
    cells += [V4.new_markdown_cell("What comes after.\n\n" * 4 + "# Two\n\nThe end.")]
    report = bound([ExecutedSection("10-one", notebook(*cells))])
    write_pdf(report, tmp_path / "report.pdf")
    _, first, *others = [page.extract_text() for page in pdf(tmp_path / "report.pdf").pages]
    assert "What comes after." in first
    if lines == 8:
        assert first.index("Figure 1.") < first.index("What comes after.")
    else:
        assert "Figure 1." in others[0]
        assert others[0].index("Figure 1.") < others[0].index("The end.")


def test_unnumbered_heading_is_not_counted(tmp_path: Path) -> None:
    text = "## Thanks {- #sec-thanks}\n\nSee @sec-thanks and @sec-last.\n\n## Last {#sec-last}"
    write_html(bound(one(text)), tmp_path / "report.html")
    page = BeautifulSoup((tmp_path / "report.html").read_text("utf-8"), "html.parser")
    assert [a.get_text() for a in page.select("a.ref")] == ["Thanks", "Section 1.1"]
    assert [words(h.get_text(" ")) for h in page.find_all("h2")] == ["Thanks", "1.1 Last"]


def test_pandoc_opens_any_path_in_any_locale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    template = tmp_path / "wörk é.html"
    template.write_text("$body$ $word$", encoding="utf-8")
    options = (f"--template={template}", "--variable=word:ü")
    assert pandoc.pandoc("here", "ä", "-thtml", *options).strip() == "<p>ä</p> ü"
