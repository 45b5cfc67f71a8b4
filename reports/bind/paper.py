"""The report for paper: one PDF, set by Typst."""

import json
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import typst

from reports import fonts
from reports.bind.document import Report, write, write_whole
from reports.bind.links import float_of
from reports.bind.numbering import is_formula
from reports.bind.pandoc import DocumentError, Node, is_div, raw, string

# Typst's expressions for the page that each figure or table is shown on; and for where it stands in
# the text, with the page on which its section begins. Above PAGE_TOP a figure begins its page.
SHOWN = "query(<shown>).map(it => (it.value, it.location().page()))"
PLACES = """query(figure).map(it => (
  str(it.label), it.location().page(), it.location().position().y,
  query(heading.where(level: 1).before(it.location())).last().location().page()))"""
PAGE_TOP = 100.0  # points: the margin, and one line of heading


def write_pdf(report: Report, path: Path) -> None:
    """Writes the PDF: no code, and film strips for animations."""
    tied = replace(report, blocks=_tied(report.blocks))
    with tempfile.TemporaryDirectory(dir=path.parent) as name:  # on a disk that has to have space
        folder = Path(name)
        for item in report.floats.values():
            if item.kind != "table":
                (folder / item.file).write_bytes(item.still())
        meta = json.dumps(asdict(report.front), ensure_ascii=False)
        text = write(tied, "typst", partial(_typst, report))
        for name, content in {"meta.json": meta, "report.typ": text}.items():
            (folder / name).write_text(content, "utf-8")
        for number, font in enumerate(fonts.further("".join(sorted({*meta, *text})))):
            shutil.copy(font, folder / f"{number}{Path(font).suffix}")
        try:
            pdf = _typeset(folder)
        except RuntimeError as error:  # Typst's errors are
            raise DocumentError(f"report.pdf: Typst cannot set the text: {error}") from error
    write_whole(path, pdf)


def _tied(blocks: list[Node]) -> list[Node]:
    """A displayed formula stays on the page of the words that lead to it."""
    tied: list[Node] = []
    for block, after in zip(blocks, [*blocks[1:], {}], strict=True):
        leads = block["t"] == "Para" and after.get("t") == "Para" and is_formula(after["c"][0])
        start, end = raw("typst", "#block(sticky: true)["), raw("typst", "]")
        tied += [start, block, end] if leads else [block]
    return tied


def _typeset(folder: Path) -> bytes:
    """The PDF of `report.typ`, with no more of a page left empty than there has to be.

    A figure that does not fit on the page where it stands would begin the next one, at most under a
    heading, and leave a gap behind. So it is made to float to the top of the next page, and text
    fills the gap; the others of its kind on its page have to follow it. But one that would be shown
    above the heading of its section stays in its place. One at a time, as each moves all after it.
    """
    clock = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    floating: dict[str, bool] = {}  # the figures that were tried, and whether they float
    while True:
        # Not among `sys.inputs`: if one changes, Typst sets every paragraph anew, in 6 times the
        # time. What has not changed since the last layout it remembers.
        names = [label for label, floats in floating.items() if floats]
        (folder / "floating.json").write_text(json.dumps(names), "utf-8")
        # The fonts inside Typst, those put into the folder, and a given time: the same bytes
        # everywhere
        compiler = typst.Compiler(
            folder / "report.typ", root=folder, ignore_system_fonts=True, font_paths=[folder]
        )
        shown = dict(json.loads(compiler.eval(SHOWN)))
        waiting: dict[str, int] = {}  # by kind, the page that the last one floats from
        for label, leaf, height, section in json.loads(compiler.eval(PLACES)):
            kind, _, _ = label.partition("-")
            begins = float(height.removesuffix("pt")) < PAGE_TOP
            if label not in floating and (begins or waiting.get(kind) == leaf):
                floating[label] = True
                break
            if floating.get(label) and shown[label] == section:
                floating[label] = False
                break
            if floating.get(label):
                waiting[kind] = leaf
        else:
            pdf = compiler.compile(timestamp=clock)
            assert isinstance(pdf, bytes)
            return pdf


def _typst(report: Report, node: Node) -> Node | list[Node]:
    if node["t"] == "Str" and "..." in node["c"]:  # Typst would draw them as one letter
        first, *others = node["c"].split("...")
        dots = {"t": "RawInline", "c": ["typst", r"\.\.\."]}
        return [string(first), *(each for text in others for each in (dots, string(text)))]
    if is_div(node, "code"):
        return []
    if is_formula(node):
        return [*node["c"][1], {"t": "RawInline", "c": ["typst", f" <{node['c'][0][0]}>"]}]
    if not is_div(node, "float"):
        return node
    item, (caption, *body) = float_of(node, report.floats), node["c"][1]
    mark = f'#metadata("{item.label}") <shown>'
    caption["c"].insert(0, {"t": "RawInline", "c": ["typst", mark]})
    # Of this figure alone, so that those whose place does not change are not set anew
    place = raw("typst", f'#[#set figure(placement: place-of("{item.label}"))')
    if item.kind == "table":
        body[0]["c"][0][0], body[0]["c"][1] = item.label, [None, [caption]]
        return [place, *body, raw("typst", "]")]
    alt, width = json.dumps(item.figure.alt, ensure_ascii=False), f"{item.figure.width:.0%}"
    picture = f'picture("{item.file}", {alt}, {width})'
    start = raw("typst", f"#figure(kind: image, {picture}, caption: [")
    return [place, start, caption, raw("typst", f"]) <{item.label}>]")]
