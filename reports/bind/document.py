"""Bind executed section notebooks into one report, for the screen and for paper, numbered alike.

Each notebook becomes Markdown (nbconvert with templates/section.md.j2), then pandoc's tree. On the
tree, headings, figures, tables and formulas get their numbers and references become links, once for
both documents. The same tree is then written as HTML (`web`) and, through Typst, as PDF (`paper`);
the works that it cites are listed by pandoc from references.bib.
"""

import base64
import difflib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode

from reports.bind.pandoc import (
    DocumentError,
    Node,
    is_div,
    link,
    parse,
    plain,
    render,
    string,
    walk,
)

TEMPLATES = Path(__file__).with_name("templates")
BIBLIOGRAPHY = Path(__file__).parents[1] / "references.bib"
REFERENCES = "# References {- #sec-references}\n\n::: {#refs}\n:::"  # pandoc lists them in this Div
HIDDEN = {"parameters", "injected-parameters", "setup"}  # tags of cells that are not shown
PREFIX = {"figure": "fig", "live": "fig", "animation": "fig", "table": "tbl"}
LABEL = re.compile("(fig|tbl|sec|eq)-")  # @fig-one is a cross reference, @other a work in the list
RESULTS, FINDING = "application/vnd.glo.results+json", "application/vnd.glo.finding+json"
SVG, PNG, WEBP, GIF, HTML, MARKDOWN = (
    "image/svg+xml",
    "image/png",
    "image/webp",  # smaller than PNG, for the screen
    "image/gif",
    "text/html",
    "text/markdown",
)
# The data that a kind must carry; of the types in one group, any will do.
NEEDS: dict[str, list[tuple[str, ...]]] = {
    "figure": [(SVG, PNG)],
    "live": [(HTML,), (SVG, PNG)],  # on the screen, and still on paper
    "animation": [(HTML,), (PNG,), (GIF,)],
    "table": [(MARKDOWN,)],
}


@dataclass(frozen=True)
class Section:
    """One executed notebook; `name` is its file's stem, such as `20-noise`."""

    name: str
    notebook: NotebookNode

    @property
    def key(self) -> str:
        """The section's name in the results: `20-noise` gives `noise`."""
        return re.sub(r"^\d+-", "", self.name)


@dataclass(frozen=True)
class Collected:
    """What the notebooks hold beside their text, in reading order."""

    figures: list[dict[str, Any]]  # label, number, kind, section, runs, caption (plain text)
    findings: list[dict[str, Any]]
    results: dict[str, dict[str, Any]]  # by section


@dataclass(frozen=True)
class Float:
    """A figure, animation or table; `data` maps MIME types to its contents."""

    label: str
    number: int
    kind: str
    section: str
    notebook: str
    runs: list[str]  # the models it shows or measures, by their names in the store
    alt: str
    width: float
    data: dict[str, str]

    @property
    def title(self) -> str:
        return f"{'Table' if self.kind == 'table' else 'Figure'} {self.number}"

    @property
    def gif(self) -> str:
        return gif_name(self.label)

    @property
    def file(self) -> str:
        return self.label + (".svg" if SVG in self.data else ".png")

    def picture(self) -> bytes:
        """The still picture: vector if there is one, of an animation the film strip."""
        svg = self.file.endswith(".svg")
        return self.data[SVG].encode() if svg else base64.b64decode(self.data[PNG])


@dataclass
class Report:
    """The whole report as one tree, numbered and linked, and what its floats show."""

    floats: dict[str, Float] = field(default_factory=dict)
    captions: dict[str, list[Node]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)  # label -> "Figure 3", "Section 1.2"
    cited: set[str] = field(default_factory=set)  # the works' keys
    findings: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: list[Node] = field(default_factory=list)


def gif_name(label: str) -> str:
    """The file of an animation: `fig-scratch-l1` gives `scratch-l1.gif`."""
    return label.removeprefix("fig-") + ".gif"


def collect(sections: Sequence[Section]) -> Collected:
    """Figures and tables with their numbers, findings, and results by section."""
    report, keys = bind(sections), ("label", "number", "kind", "section", "runs")
    figures = [
        {key: getattr(item, key) for key in keys} | {"caption": plain(report.captions[label])}
        for label, item in report.floats.items()
    ]
    return Collected(figures, report.findings, report.results)


# Notebooks -> one numbered tree


def bind(sections: Sequence[Section]) -> Report:
    report = Report()
    for section in sections:
        if section.key in report.results:
            raise DocumentError(f"{section.name}: two sections are called {section.key!r}")
        _take_outputs(section, report)
    trees = [(section.name, parse(section.name, _markdown(section))) for section in sections]
    counts = [0] * 6
    for section, (_, blocks) in zip(sections, trees, strict=True):
        _number_headings(section, blocks, counts, report.titles)
    trees = [(name, _number_formulas(name, blocks, report.titles)) for name, blocks in trees]
    for name, blocks in trees:
        report.blocks += _resolve(name, blocks, report)
    if report.cited:
        report.blocks += parse("references", REFERENCES)
    return report


def _take_outputs(section: Section, report: Report) -> None:
    """Sort a notebook's outputs into results, findings and floats."""
    results = report.results[section.key] = {}
    outputs = [
        (f"{section.name}, cell {number}", cell, output)
        for number, cell in enumerate(section.notebook.cells, start=1)
        for output in cell.get("outputs", [])
    ]
    for where, cell, output in outputs:
        if output.output_type == "error":
            raise DocumentError(f"{where}: the cell failed: {output.ename}: {output.evalue}")
        data, glo = output.get("data", {}), output.get("metadata", {}).get("glo", {})
        for name, value in data.get(RESULTS, {}).items():
            if results.setdefault(name, value) != value:
                raise DocumentError(f"{where}: result {name!r} already has another value")
        if FINDING in data:
            report.findings.append(dict(data[FINDING]))
        if HIDDEN & {*cell.metadata.get("tags", [])} or {RESULTS, FINDING} & data.keys():
            continue
        if glo:
            item = _float(where, section, glo, data, report.floats)
            report.floats[item.label] = item
            report.titles[item.label] = item.title
        elif data.keys() & {SVG, PNG, GIF, HTML}:
            raise DocumentError(
                f"{where}: a figure without label, caption and alt (metadata 'glo')"
            )


def _float(
    where: str, section: Section, glo: Node, data: dict[str, str], known: dict[str, Float]
) -> Float:
    kind, label, width = glo.get("kind"), str(glo.get("label")), glo.get("width", 1.0)
    if kind not in PREFIX:
        raise DocumentError(f"{where}: kind {kind!r} is not one of {', '.join(PREFIX)}")
    if not re.fullmatch(PREFIX[kind] + r"(-[a-z0-9]+)+", label):
        shape = f"{PREFIX[kind]}-words-in-lower-case"
        raise DocumentError(f"{where}: {kind} with label {label!r}; it must look like {shape}")
    if label in known:
        raise DocumentError(f"{where}: label {label!r} is already used in {known[label].section}")
    for name in ("caption",) if kind == "table" else ("caption", "alt"):
        if not str(glo.get(name) or "").strip():
            raise DocumentError(f"{where}: {label!r} has no {name}")
    for group in NEEDS[kind]:
        if not data.keys() & {*group}:
            raise DocumentError(f"{where}: {kind} {label!r} needs data as {' or '.join(group)}")
    if not 0 < width <= 1:
        raise DocumentError(f"{where}: width {width} of {label!r} must be above 0 and at most 1")
    number = 1 + sum(PREFIX[item.kind] == PREFIX[kind] for item in known.values())
    alt = " ".join(glo.get("alt", "").split())
    runs = list(glo.get("runs", []))
    return Float(label, number, kind, section.key, section.name, runs, alt, width, data)


def _markdown(section: Section) -> str:
    exporter = TemplateExporter(
        template_file=str(TEMPLATES / "section.md.j2"), filters={"hidden": HIDDEN.intersection}
    )
    return str(exporter.from_notebook_node(section.notebook)[0])


def _number_headings(
    section: Section, blocks: list[Node], counts: list[int], titles: dict[str, str]
) -> None:
    """Count headings as pandoc and Typst will do, and give each an id of its own."""
    if not blocks or blocks[0]["t"] != "Header" or blocks[0]["c"][0] != 1:
        raise DocumentError(f"{section.name}: the first cell must start with '# Section title'")
    for level, attributes, text in [block["c"] for block in blocks if block["t"] == "Header"]:
        label, classes, _ = attributes
        if label in titles and label.startswith("sec-"):
            raise DocumentError(f"{section.name}: label {label!r} is already used")
        while label in titles:  # two notebooks may both have a heading "Results"
            label = attributes[0] = f"{section.key}-{label}"
        if "unnumbered" in classes:
            titles[label] = plain(text)
        else:
            counts[level - 1 :] = [counts[level - 1] + 1, *[0] * (6 - level)]
            titles[label] = "Section " + ".".join(map(str, counts[:level]))


def _number_formulas(where: str, blocks: list[Node], titles: dict[str, str]) -> list[Node]:
    """Put each displayed formula into a Span that has the label written behind it as its id."""

    def change(node: Node) -> Node:
        if node["t"] == "Math" and node["c"][0]["t"] == "DisplayMath":
            return {"t": "Span", "c": [["", ["formula"], []], [node]]}
        if node["t"] not in ("Para", "Plain"):
            return node
        inlines: list[Node] = []
        for inline in node["c"]:
            label = re.fullmatch(r"\{#(eq(-[a-z0-9]+)+)\}", str(inline.get("c")))
            before = [each for each in inlines if each["t"] not in ("Space", "SoftBreak")]
            if not label or not before or not is_formula(before[-1]):
                inlines.append(inline)
                continue
            if label[1] in titles:
                raise DocumentError(f"{where}: label {label[1]!r} is already used")
            titles[label[1]] = f"Equation {1 + sum(key.startswith('eq-') for key in titles)}"
            before[-1]["c"][0][0] = label[1]
        return node | {"c": inlines}

    return list(walk(blocks, change))


def is_formula(node: Node) -> bool:
    return node["t"] == "Span" and "formula" in node["c"][0][1]


@cache
def _works() -> list[str]:
    """The keys of the works that can be cited."""
    return re.findall(r"^@\w+\{([^,]+),$", BIBLIOGRAPHY.read_text("utf-8"), re.M)


def _resolve(where: str, blocks: list[Node], report: Report) -> list[Node]:
    """Turn references into links, number captions, and refuse what only one document would show."""

    def reference(label: str) -> Node:
        if label not in report.titles:
            near = difflib.get_close_matches(label, report.titles, n=1, cutoff=0)
            hint = f"the nearest label is @{near[0]}" if near else "there are no labels"
            raise DocumentError(f"{where}: unknown reference @{label}; {hint} (a bare @ is \\@)")
        return link("ref", [string(report.titles[label])], f"#{label}")

    def cited(node: Node) -> Node:
        for key in (each["citationId"] for each in node["c"][0]):
            if key not in _works():
                near = difflib.get_close_matches(key, _works(), n=1, cutoff=0)[0]
                hint = f"the nearest key of {BIBLIOGRAPHY.name} is @{near} (a bare @ is \\@)"
                raise DocumentError(f"{where}: unknown work @{key}; {hint}")
            report.cited.add(key)
        return node

    def change(node: Node) -> Node | list[Node]:
        kind, content = node["t"], node.get("c", "")
        if is_formula(node) and not content[0][0]:
            formula = content[1][0]["c"][1].strip()
            what = "has no label; write {#eq-words-in-lower-case} behind it"
            raise DocumentError(f"{where}: the displayed formula {formula!r:.80} {what}")
        if kind == "Cite":
            (first, *others), text = content
            if not any(LABEL.match(each["citationId"]) for each in content[0]):
                return cited(node)
            if others or first["citationPrefix"] or first["citationSuffix"]:
                words = "".join(word.get("c", " ") for word in text)
                raise DocumentError(f"{where}: {words!r} must be written as single @labels")
            return reference(first["citationId"])
        if kind in ("RawInline", "RawBlock") and content[1].startswith("<!--"):
            return []
        if kind in ("RawInline", "RawBlock", "Image"):
            what = "raw HTML, raw TeX and images are not allowed in the text"
            raise DocumentError(f"{where}: {what}, but there is {content[1]!r:.80}")
        if is_div(node, "float"):
            item, body = float_of(node, report), content[1]
            expected = ["Para", "Table"] if item.kind == "table" else ["Para"]
            if [block["t"] for block in body] != expected:
                allowed = "a caption of one paragraph, and for a table one pipe table"
                raise DocumentError(f"{where}: {item.label!r} must have {allowed}")
            if any(
                inline["t"] == "Cite" for inline in body[0]["c"]
            ):  # it is also read as plain text
                raise DocumentError(f"{where}: the caption of {item.label!r} must not cite works")
            report.captions[item.label] = body[0]["c"]
            number = {"t": "Strong", "c": [string(f"{item.title}.")]}
            body[0]["c"] = [number, {"t": "Space"}, *body[0]["c"]]
        return node

    return list(walk(blocks, change))


# The tree -> text


def write(
    report: Report,
    form: str,
    meta: dict[str, Any],
    change: Callable[[Node], Node | list[Node]],
    *options: str,
) -> str:
    """The whole document as `html` or `typst`, set into our template.

    `change` turns nodes of the tree into what the form wants; `meta` holds title, subtitle, authors
    (list), date, abstract (Markdown), footer, and command, which makes the report again.
    """
    abstract = _resolve("abstract", parse("abstract", meta["abstract"]), report)
    strings = meta | {"authors": ", ".join(meta["authors"])}
    words = {key: {"t": "MetaString", "c": text} for key, text in strings.items()}
    words["abstract"] = {"t": "MetaBlocks", "c": abstract}
    blocks = walk(report.blocks, change)
    options += (f"--template={TEMPLATES / 'report'}.{form}", f"--bibliography={BIBLIOGRAPHY}")
    return render(blocks, form, words, "--citeproc", "--metadata=link-citations", *options)


def float_of(div: Node, report: Report) -> Float:
    return report.floats[dict(div["c"][0][2])["label"]]


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: nobody meets half a report."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
