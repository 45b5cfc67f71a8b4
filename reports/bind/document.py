"""Bind executed section notebooks into one report, for the screen and for paper, numbered alike.

Each notebook becomes Markdown (nbconvert with templates/section.md.j2), then pandoc's tree. On the
tree, headings, figures, tables and formulas get their numbers and references become links, once for
both documents. The same tree is then written as HTML (`web`) and, through Typst, as PDF (`paper`);
the works that it cites are listed by pandoc from references.bib.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbconvert.exporters import TemplateExporter

from reports.bind.links import BIBLIOGRAPHY, Linker
from reports.bind.numbering import number_formulas, number_headings
from reports.bind.outputs import HIDDEN, ExecutedSection, Float, Outputs
from reports.bind.pandoc import Node, parse, plain, render, string, walk

TEMPLATES = Path(__file__).with_name("templates")
REFERENCES: list[Node] = [
    {"t": "Header", "c": [1, ["sec-references", ["unnumbered"], []], [string("References")]]},
    {"t": "Div", "c": [["refs", [], []], []]},  # pandoc lists the cited works in it
]


@dataclass(frozen=True)
class Front:
    """What stands before the text and below it.

    Fields:
        abstract: Markdown.
        footer: The last line.
        command: The command line that makes the report again.
    """

    title: str
    subtitle: str
    authors: tuple[str, ...]
    date: str
    abstract: str
    footer: str
    command: str


@dataclass(frozen=True)
class Report:
    """The whole report as one tree, numbered and linked. Writing a document does not change it.

    Fields:
        front: The front matter in words.
        abstract: Its abstract as blocks.
        blocks: The sections, and the list of references if works are cited.
        floats: The figures and tables that the blocks show, by label.
        titles: What a reference to a label says: "Figure 3", "Section 1.2".
        captions: The inlines of each caption, by label.
    """

    front: Front
    abstract: list[Node]
    blocks: list[Node]
    floats: Mapping[str, Float]
    titles: Mapping[str, str]
    captions: Mapping[str, list[Node]]


def bind(sections: Sequence[ExecutedSection], outputs: Outputs, front: Front) -> Report:
    """One report of all sections; `outputs` are what `read_outputs` finds in them."""
    titles = {label: item.title for label, item in outputs.floats.items()}
    trees = [parse(section.name, _markdown(section)) for section in sections]
    counts = [0] * 6
    for section, blocks in zip(sections, trees, strict=True):
        number_headings(section, blocks, counts, titles)
    names = [section.name for section in sections]
    trees = [number_formulas(name, tree, titles) for name, tree in zip(names, trees, strict=True)]
    linker = Linker(titles, outputs.floats)
    linked = [linker.linked(name, tree) for name, tree in zip(names, trees, strict=True)]
    abstract = linker.linked("abstract", parse("abstract", front.abstract))
    blocks = [block for tree in linked for block in tree] + (REFERENCES if linker.cited else [])
    return Report(front, abstract, blocks, outputs.floats, titles, linker.captions)


def _markdown(section: ExecutedSection) -> str:
    exporter = TemplateExporter(
        template_file=str(TEMPLATES / "section.md.j2"), filters={"hidden": HIDDEN.intersection}
    )
    return str(exporter.from_notebook_node(section.notebook)[0])


def collect(report: Report) -> list[dict[str, Any]]:
    """Figures and tables as `results.json` lists them, with captions in plain text."""
    captions = plain([report.captions[label] for label in report.floats])
    return [
        {
            "label": item.label,
            "number": item.number,
            "kind": item.kind,
            "section": item.section,
            "runs": list(item.figure.runs),
            "caption": caption,
        }
        for item, caption in zip(report.floats.values(), captions, strict=True)
    ]


def write(
    report: Report,
    form: str,
    change: Callable[[Node], Node | list[Node]],
    *options: str,
) -> str:
    """The whole document as `html` or `typst`, set into our template.

    `change` turns nodes of the tree into what the form wants.
    """
    front = asdict(report.front) | {"authors": ", ".join(report.front.authors)}
    words = {key: {"t": "MetaString", "c": text} for key, text in front.items()}
    words["abstract"] = {"t": "MetaBlocks", "c": report.abstract}
    options += (f"--template={TEMPLATES / 'report'}.{form}", f"--bibliography={BIBLIOGRAPHY}")
    blocks = walk(report.blocks, change)
    return render(blocks, form, words, "--citeproc", "--metadata=link-citations", *options)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, then renames it: nobody meets half a report."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
